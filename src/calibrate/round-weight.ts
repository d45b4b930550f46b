// One weight on its way to codes: corrected, rounded, packed.

import type { BlockScheme } from '../ir/graph.ts';
import { packCodes } from '../quantize/pack-codes.ts';
import type { RoundedWeight } from '../quantize/rounded.ts';
import { unfitWeight } from '../quantize/unfit-weight.ts';
import type { Engine } from './engine.ts';
import { floats } from './weights.ts';

export interface Rounding {
  readonly scheme: BlockScheme;
  /** Upper U with UᵀU = H⁻¹, in the engine's memory. */
  readonly factor: Float64Array;
  /** Columns. */
  readonly width: number;
  readonly name: string;
}

/** Rounds a weight; `weight` is written over by what comes back from the codes. */
export async function roundWeight(
  weight: Float32Array,
  { scheme, factor, width, name }: Rounding,
  engine: Engine,
): Promise<RoundedWeight> {
  refuse(weight, name, false);
  const rows = weight.length / width;
  const blocks = rows * Math.ceil(width / scheme.blockSize);
  const job = {
    scheme,
    columns: width,
    factor,
    weights: weight,
    codes: new Uint8Array(engine.memory(blocks * scheme.blockSize)),
    scales: floats(engine, blocks),
    zeros: new Uint8Array(engine.memory(blocks)),
  };
  await engine.round(job, rows);
  refuse(job.scales, name, true);
  return { codes: packCodes(job.codes, scheme), scales: job.scales, zeros: job.zeros };
}

function refuse(values: Float32Array, tensor: string, areScales: boolean): void {
  const value = values.find((each) => !Number.isFinite(each));
  if (value !== undefined) throw unfitWeight(tensor, value, areScales);
}
