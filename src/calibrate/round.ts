// Weights rounded in the order of the model: each suits the inputs that come from the weights
// rounded before it, and makes up for what they changed. So two streams run through the model side
// by side, one with the exact weights.
//
// A tied table comes first, for all inputs come from it, but it is read again at the end: it suits
// the exact model's last inputs, and to the same extent its own rows, which are looked up.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { inverseFactor } from '../quantize/inverse-factor.ts';
import { type RoundedWeight, type RoundedWeights, weightKey } from '../quantize/rounded.ts';
import { correct } from './correct.ts';
import type { Engine } from './engine.ts';
import { meanDiagonal, moments, withDiagonal } from './moments.ts';
import { roundWeight } from './round-weight.ts';
import { projectionOf, type Step, stepsOf } from './steps.ts';
import { embedding, type Matrix, Stream } from './stream.ts';
import { floats, type Weights } from './weights.ts';

/** Which tensors are rounded, and how. */
export type Schemes = ReadonlyMap<string, BlockScheme>;

export interface Calibration {
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly weights: Weights;
  readonly engine: Engine;
  readonly sequences: readonly Int32Array[];
  /** Told of each weight that is rounded. */
  readonly onRounded: () => void;
}

/** Part of the mean of the diagonal that is added to it. */
const damping = 0.01;

/** Rounds all weights that a scheme is given for. */
export async function roundWeights(
  calibration: Calibration,
  schemes: Schemes,
): Promise<RoundedWeights> {
  const { config, task, weights, engine, sequences } = calibration;
  const projection = projectionOf(task, weights);
  const steps = stepsOf(config, task, projection);
  const rounder = new Rounder(calibration, schemes);
  const exact = new Stream(config, weights, engine, sequences);
  const rounded = new Stream(config, weights, engine, sequences);

  const table = await weights.read(embedding);
  const own = withDiagonal(new Float64Array(config.hiddenSize ** 2), config.hiddenSize, 1);
  const last =
    task === 'text-generation' && projection === embedding
      ? await lastMoments(exact, table, steps, calibration)
      : own;
  await exact.embed(table);
  await rounder.round([embedding], { width: config.hiddenSize, hessian: last });
  await rounded.embed(await rounder.matrix(embedding));
  for (const step of steps) {
    const names = step.names.filter((name) => name !== embedding);
    const [now, then] = [
      await step.inputs(rounded, rounder.matrix),
      await step.inputs(exact, weights.read),
    ];
    if (!names.some((name) => schemes.has(name))) continue;
    const { width } = step;
    const hessian = await moments(now, now, width, engine);
    const drift = await moments(now, difference(then, now, engine), width, engine);
    await rounder.round(names, { width, hessian, drift });
  }
  return rounder.found;
}

/** How much each input of a tied table matters, its own rows included. */
async function lastMoments(
  exact: Stream,
  table: Float32Array,
  steps: readonly Step[],
  { config: { hiddenSize }, weights, engine }: Calibration,
): Promise<Float64Array> {
  await exact.embed(table);
  let inputs: Float32Array = new Float32Array();
  for (const step of steps) inputs = await step.inputs(exact, weights.read);
  const sums = await moments(inputs, inputs, hiddenSize, engine);
  const mean = meanDiagonal(sums, hiddenSize);
  return withDiagonal(sums, hiddenSize, 1, mean === 0 ? 0 : 1 / mean);
}

/** What a group of weights is rounded by, all of them with the same inputs. */
interface Inputs {
  readonly width: number;
  readonly hessian: Float64Array;
  /** Without one nothing has changed. */
  readonly drift?: Float64Array;
}

/** Rounds groups of weights; it owns what was found, and the values of the last group. */
class Rounder {
  readonly found: Map<string, RoundedWeight> = new Map();
  readonly #calibration: Calibration;
  readonly #schemes: Schemes;
  readonly #values = new Map<string, Float32Array>();

  constructor(calibration: Calibration, schemes: Schemes) {
    this.#calibration = calibration;
    this.#schemes = schemes;
  }

  /** A weight of the last group as it comes back from its codes, or one that is not rounded. */
  readonly matrix: Matrix = async (name) => {
    return this.#values.get(name) ?? (await this.#calibration.weights.read(name));
  };

  async round(names: readonly string[], { width, hessian, drift }: Inputs): Promise<void> {
    const { weights, engine, onRounded } = this.#calibration;
    this.#values.clear();
    const mean = meanDiagonal(hessian, width);
    if (!Number.isFinite(mean)) overflowed(names);
    const factor = new Float64Array(engine.memory(8 * width * width));
    // a product whose inputs are all zero may be rounded in any way
    inverseFactor(withDiagonal(hessian, width, mean > 0 ? damping * mean : 1), width, factor);
    for (const name of names) {
      const scheme = this.#schemes.get(name);
      if (scheme === undefined) continue;
      const weight = await weights.read(name);
      if (drift !== undefined) await correct(weight, { drift, factor, width }, engine);
      const rounded = await roundWeight(weight, { scheme, factor, width, name }, engine);
      this.found.set(weightKey(scheme, name), rounded);
      this.#values.set(name, weight);
      onRounded();
    }
  }
}

function overflowed(names: readonly string[]): never {
  throw new ToolkitError('WEIGHT_OVERFLOW', 'the inputs of a product stay finite', {
    where: { tensor: names.join(', ') },
    fix: 'check that the checkpoint holds finite weights only, or use --method rtn',
  });
}

function difference(a: Float32Array, b: Float32Array, engine: Engine): Float32Array {
  const out = floats(engine, a.length);
  for (let i = 0; i < out.length; i++) out[i] = (a[i] ?? 0) - (b[i] ?? 0);
  return out;
}
