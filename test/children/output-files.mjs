// The files of an output folder that a test writes: the same in a process that is killed and in
// the test that looks at what is left.

/** Writes and closes every file; the content tells the text. */
export async function writeFiles(output, text) {
  for (const path of ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data']) {
    const file = await output.create(path);
    for (let chunk = 0; chunk < 4; chunk++) {
      await file.write(new TextEncoder().encode(`${text} ${path} ${chunk}\n`.repeat(1000)));
    }
    await file.close();
  }
}
