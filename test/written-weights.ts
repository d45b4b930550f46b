// The numbers in a model file that was written, by the names of the graph.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { storedWeights } from '../src/onnx/stored-weights.ts';

/** Every float weight of `onnx/<model>` in an output folder. */
export async function weightsIn(
  target: string,
  model = 'model.onnx',
): Promise<ReadonlyMap<string, readonly number[]>> {
  const folder = join(target, 'onnx');
  const { graph } = decodeModel(readFileSync(join(folder, model)));
  const weights = storedWeights(await openFolder(folder), model);
  const numbers = new Map<string, readonly number[]>();
  for (const initializer of graph.initializers) {
    if (!initializer.type.dtype.startsWith('float')) continue;
    numbers.set(initializer.name, [...(await weights.read(initializer)).data]);
  }
  await weights.close();
  return numbers;
}
