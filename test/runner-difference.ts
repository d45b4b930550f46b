// How far runtimes are apart on the same model.

import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { type Cache, type Model, modelOf } from '../src/base/model.ts';
import type { Runner } from '../src/base/runner.ts';

/** Rows side by side, or one that goes on behind the window, for a model with a cache. */
export type Calls = 'padded' | 'beyond';

interface Call {
  readonly batch: number;
  /** New tokens of each row, padding included. */
  readonly length: number;
  /** Tokens of padding before the last row. */
  readonly padding: number;
}

const calls: Readonly<Record<Calls, readonly Call[]>> = {
  /** Two rows, the second one padded on the left. */
  padded: [{ batch: 2, length: 7, padding: 2 }],
  /** In chunks as long as the GPU computes in one form with the rows above. */
  beyond: [16, 16, 4].map((length) => ({ batch: 1, length, padding: 0 })),
};

/** Outputs of every real token; of a classifier one a row. */
async function outputsOf(model: Model, which: Calls): Promise<readonly Float32Array[]> {
  const outputs: Float32Array[] = [];
  let [past, cache]: [number, Cache | undefined] = [0, undefined];
  for (const { batch, length, padding } of calls[which]) {
    const total = past + length;
    const ids = BigInt64Array.from({ length: batch * length }, (_, i) =>
      BigInt(5 + (((past + i) * 17) % 60)),
    );
    const isReal = (i: number): boolean => i < (batch - 1) * total || i % total >= padding;
    const mask = BigInt64Array.from({ length: batch * total }, (_, i) => (isReal(i) ? 1n : 0n));
    const found = await model.run({ batch, ids, mask, ...(cache && { cache }) });
    const { kept, vector } = found;
    for (let i = 0; i < batch * kept; i++) {
      if (kept === 1 || isReal(i)) outputs.push(vector(Math.floor(i / kept), i % kept).slice());
    }
    [past, cache] = [total, found.cache];
  }
  return outputs;
}

/** The largest difference from the first of them, as a part of its largest value; closes all. */
export async function differenceOf(
  runners: readonly [wanted: Runner, found: Runner, ...others: Runner[]],
  { config, task }: { readonly config: ModernBertDecoderConfig; readonly task: Task },
  which: readonly Calls[] = ['padded'],
): Promise<number> {
  const all: (readonly Float32Array[])[] = [];
  for (const runner of runners) {
    const model = modelOf(runner, config, task);
    const outputs: Float32Array[] = [];
    for (const each of which) outputs.push(...(await outputsOf(model, each)));
    all.push(outputs);
    await runner.close();
  }
  const [wanted = [], ...others] = all;
  let [worst, largest] = [0, 0];
  for (const [row, values] of wanted.entries()) {
    for (const [i, value] of values.entries()) {
      largest = Math.max(largest, Math.abs(value));
      for (const found of others) {
        const difference = Math.abs(value - (found[row]?.[i] ?? Number.NaN));
        worst = difference <= worst ? worst : difference; // what is not a number stays
      }
    }
  }
  return worst / largest;
}
