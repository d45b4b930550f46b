// Golden cases converted in memory: the folder of the models, as a runtime opens it.

import { join } from 'node:path';
import type { SourceFolder } from '../src/base/files.ts';
import type { Target } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { blobFolder } from '../src/checkpoint/memory-source.ts';
import { convert } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';

/** Converts a golden case in fp32 and fp16. */
export async function convertedCase(name: string, target: Target): Promise<SourceFolder> {
  const sink = memorySink();
  const folder = await openFolder(join(import.meta.dirname, '../golden', name));
  await convert(folder, sink, {
    dtypes: ['fp32', 'fp16'],
    target,
  });
  const models = [...sink.files].filter(([path]) => path.startsWith('onnx/'));
  return blobFolder(
    'onnx',
    Object.fromEntries(models.map(([path, bytes]) => [path.slice('onnx/'.length), bytes])),
  );
}
