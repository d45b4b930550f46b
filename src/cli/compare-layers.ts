// What smaller formats do to the sums behind each layer, on the first tokens of the text.

import type { WeightFormat } from '../base/manifest.ts';
import type { WeightFile } from '../calibrate/block-weight.ts';
import { layerErrors, layerSums, type PartError } from '../calibrate/layer-error.ts';
import { storedWeights } from '../onnx/stored-weights.ts';
import type { Context } from './command.ts';
import type { Candidate, Subject } from './compare-subject.ts';
import { startRoundThreads } from './round-threads.ts';

/** Tokens whose layers are compared: each of them is thousands of numbers. */
const layerTokens = 128;

/** By their formats; fp32 has none. */
export type LayerErrors = ReadonlyMap<WeightFormat, readonly PartError[]>;

/** How far each format's weights move the layers' sums, on all cores. */
export async function errorsByLayer(
  { config, output, windows, candidates: [base, ...others] }: Subject,
  { progress }: Context,
): Promise<LayerErrors> {
  const threads = startRoundThreads();
  const first = windows.ids.subarray(0, Math.min(windows.length, layerTokens));
  const run = {
    config,
    base: base.graph,
    engine: threads.engine,
    tokens: Int32Array.from(first, Number),
  };
  const open = async <Found>(
    { dtype, name, graph }: Candidate,
    use: (file: WeightFile) => Promise<Found>,
  ): Promise<Found> => {
    progress.status(`running the layers of ${dtype}`);
    const weights = storedWeights(output.models, name);
    return await use({ graph, weights }).finally(() => weights.close());
  };
  const errors = new Map<WeightFormat, readonly PartError[]>();
  try {
    if (others.length === 0) return errors;
    const expected = await open(base, (file) => layerSums(file, run));
    for (const other of others) {
      errors.set(other.dtype, await open(other, (file) => layerErrors(file, run, expected)));
    }
    return errors;
  } finally {
    await threads.close();
  }
}
