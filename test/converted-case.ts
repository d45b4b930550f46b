// Golden cases converted in memory: the folder of the models, as a runtime opens it.

import { join } from 'node:path';
import type { SourceFolder } from '../src/base/files.ts';
import type { Target } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { blobFolder } from '../src/checkpoint/memory-source.ts';
import { convert } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import type { Output } from '../src/runtime/output.ts';

/** Converts a golden case in fp32 and fp16; the folder of its models. */
export async function convertedCase(name: string, target: Target): Promise<SourceFolder> {
  return (await convertedOutput(name, target)).models;
}

/** Converts a golden case in fp32 and fp16; the output folder as a runtime opens it. */
export async function convertedOutput(name: string, target: Target): Promise<Output> {
  const sink = memorySink();
  const folder = await openFolder(join(import.meta.dirname, '../golden', name));
  await convert(folder, sink, {
    dtypes: ['fp32', 'fp16'],
    target,
  });
  const files = [...sink.files];
  const models = files.filter(([path]) => path.startsWith('onnx/'));
  return {
    root: blobFolder(name, Object.fromEntries(files)),
    models: blobFolder(
      'onnx',
      Object.fromEntries(models.map(([path, bytes]) => [path.slice('onnx/'.length), bytes])),
    ),
  };
}
