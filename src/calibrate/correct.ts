// What weights rounded before have changed in a product's inputs, the product can make up for.
//
// With inputs q where the exact model has f, the W* that leaves least of Σ |W f - W* q|² is
// W + W D H⁻¹, with D = Σ (f - q) qᵀ and H = Σ q qᵀ. Only a part of that is taken: the rest would
// fit the calibration tokens rather than the model.

import { transposed } from './rows.ts';
import type { Engine } from './engine.ts';
import { floats } from './weights.ts';

/** The part that is taken; all of it is as good on the calibration tokens only. */
const part = 0.5;

export interface Correction {
  /** Dᵀ, [width, width]. */
  readonly drift: Float64Array;
  /** Upper U with UᵀU = H⁻¹. */
  readonly factor: Float64Array;
  readonly width: number;
}

/** Moves a weight [rows, width], in place. */
export async function correct(
  weight: Float32Array,
  { drift, factor, width }: Correction,
  engine: Engine,
): Promise<void> {
  const rows = weight.length / width;
  const upper = floats(engine, width * width);
  upper.set(factor);
  const lower = floats(engine, width * width);
  transposed(upper, width, lower);
  const drifts = floats(engine, width * width);
  drifts.set(drift);
  let x = weight;
  for (const by of [drifts, upper, lower]) {
    const out = floats(engine, weight.length);
    await engine.multiply({ x, rows, weight: by, inDim: width, outDim: width, out });
    x = out;
  }
  for (let i = 0; i < weight.length; i++) weight[i] = (weight[i] ?? 0) + part * (x[i] ?? 0);
}
