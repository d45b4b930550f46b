/**
 * The version of ONNX's own operators in each kind of body. It is the version that the file around
 * the body imports: a checker refuses operators that changed in between.
 */
export const opsets = { body: 21, contrib: 24 } as const;
