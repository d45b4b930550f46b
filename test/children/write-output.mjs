// Writes an output folder from beginning to end, in a process that a test kills:
// write-output.mjs TARGET TEXT [force], with MODERNBERT_ONNX_FAILPOINT set.

import { failpointOf } from '../../dist/src/cli/failpoint.js';
import { createOutput } from '../../dist/src/onnx/file-sink.js';
import { writeFiles } from './output-files.mjs';

const [target, text, force] = process.argv.slice(2);
const failpoint = failpointOf(process.env.MODERNBERT_ONNX_FAILPOINT) ?? (() => undefined);

try {
  const output = await createOutput(target, { force: force === 'force', failpoint });
  await writeFiles(output, text);
  await output.publish();
} catch (error) {
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = error.exitStatus ?? 70;
}
