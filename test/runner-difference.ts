// How far two runtimes are apart on the same model.

import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { type Model, modelOf } from '../src/base/model.ts';
import type { Runner } from '../src/base/runner.ts';

/** Two rows, the second one padded on the left. */
const length = 7;
const step = {
  batch: 2,
  ids: BigInt64Array.from({ length: 2 * length }, (_, i) => BigInt(5 + ((i * 17) % 60))),
  mask: BigInt64Array.from({ length: 2 * length }, (_, i) => (i >= length && i < 9 ? 0n : 1n)),
};

/** Outputs of every real token; of a classifier one a row. */
async function outputsOf(model: Model): Promise<readonly Float32Array[]> {
  const { kept, vector } = await model.run(step);
  return Array.from({ length: 2 * kept }, (_, i) => i)
    .filter((i) => kept === 1 || step.mask[i] === 1n)
    .map((i) => vector(Math.floor(i / kept), i % kept).slice());
}

/** The largest difference, as a part of the largest value; closes both. */
export async function differenceOf(
  runners: readonly [wanted: Runner, found: Runner],
  { config, task }: { readonly config: ModernBertDecoderConfig; readonly task: Task },
): Promise<number> {
  const outputs: (readonly Float32Array[])[] = [];
  for (const runner of runners) {
    outputs.push(await outputsOf(modelOf(runner, config, task)));
    await runner.close();
  }
  const [wanted = [], found = []] = outputs;
  let [worst, largest] = [0, 0];
  for (const [row, values] of wanted.entries()) {
    for (const [i, value] of values.entries()) {
      largest = Math.max(largest, Math.abs(value));
      const difference = Math.abs(value - (found[row]?.[i] ?? Number.NaN));
      worst = difference <= worst ? worst : difference; // what is not a number stays
    }
  }
  return worst / largest;
}
