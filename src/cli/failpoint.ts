// For tests of what a killed run leaves behind: MODERNBERT_ONNX_FAILPOINT=name kills the process
// when it comes to the moment of that name in writing an output, and name:3 at the third time.
// The names are the arguments of `failpoint(…)` in src/onnx/file-*.ts.

/** The function that is called at every such moment; undefined where the variable is not set. */
export function failpointOf(setting: string | undefined): ((name: string) => void) | undefined {
  if (setting === undefined || setting === '') return undefined;
  const [wanted, count = '1'] = setting.split(':');
  let left = Number(count);
  return (name) => {
    if (name === wanted) left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
