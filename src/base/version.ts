/** What this tool calls itself in every file it writes; a test holds it to package.json. */
export const tool: { readonly name: string; readonly version: string } = {
  name: 'modernbert-onnx',
  version: '0.1.0',
};
