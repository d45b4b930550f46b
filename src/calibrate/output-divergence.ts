// KL divergences of what models say: from the exact model's outputs to those of variants, a slab of
// the vocabulary and a text at a time, so that logits need little memory.

import { Arena } from './arena.ts';
import { Divergence } from './divergence.ts';
import type { Engine } from './engine.ts';
import type { KeptWeights } from './kept-weights.ts';
import { roundInputs } from './round-inputs.ts';
import { addBias } from './rows.ts';
import { type Rounds, slabsOf } from './table.ts';
import type { Weights } from './weights.ts';

/** A model of other weights, and the inputs of its projection. */
export interface Variant {
  readonly kept: KeptWeights;
  readonly end: Float32Array; // [tokens, hidden]
}

export interface Outputs {
  readonly weights: Weights;
  readonly engine: Engine;
  readonly sequences: readonly Int32Array[];
  /** The weight that turns hidden states into outputs. */
  readonly projection: string;
  /** Of the exact model. */
  readonly end: Float32Array; // [tokens, hidden]
  /** What weights are read into. */
  readonly memory?: Rounds | undefined;
  /** Of a weight, the size of the blocks in which its inputs are rounded, where they are. */
  readonly inputBlock: (kept: KeptWeights, weight: string) => number | undefined;
}

/** Rows of the projection, and the inputs that they multiply. */
interface Part {
  readonly end: Float32Array;
  readonly weight: Float32Array;
  readonly blockSize?: number | undefined;
}

/** The divergence of each variant at every token. */
export async function outputDivergences(
  outputs: Outputs,
  variants: readonly Variant[],
): Promise<readonly Float64Array[]> {
  const { weights, engine, sequences, projection, end, memory, inputBlock } = outputs;
  const width = weights.columns(projection);
  const tokens = end.length / width;
  const divergence = new Divergence(tokens, variants.length);
  const bias = (await weights.readIf(projection.replace(/weight$/, 'bias')))?.slice();
  const arena = new Arena(engine);
  for await (const { weight, from } of slabsOf(projection, width, weights, memory)) {
    const to = from + weight.length / width;
    const parts: Part[] = [{ end, weight }];
    for (const { kept, end: rows } of variants) {
      const isExact = kept.formOf(projection) === 'float32';
      const own = isExact ? weight : await kept.readRows(projection, from, to);
      parts.push({ end: rows, weight: own, blockSize: inputBlock(kept, projection) });
    }
    let first = 0;
    for (const { length } of sequences) {
      arena.begin();
      const range = { from: first * width, to: (first + length) * width, width };
      const logits: Float32Array[] = [];
      for (const part of parts) {
        logits.push(await logitsOf(part, range, { engine, arena, bias: bias?.subarray(from, to) }));
      }
      const [own, ...others] = logits;
      if (own) divergence.add(first, to - from, own, others);
      first += length;
    }
  }
  return divergence.found;
}

async function logitsOf(
  { end, weight, blockSize }: Part,
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
  {
    engine,
    arena,
    bias,
  }: {
    readonly engine: Engine;
    readonly arena: Arena;
    readonly bias: Float32Array | undefined;
  },
): Promise<Float32Array> {
  const inputs = end.subarray(from, to);
  const x =
    blockSize === undefined
      ? inputs
      : roundInputs(inputs, width, blockSize, arena.floats(inputs.length));
  const [rows, outDim] = [inputs.length / width, weight.length / width];
  const out = arena.floats(rows * outDim);
  await engine.multiply({ x, rows, weight, inDim: width, outDim, out });
  addBias(out, bias);
  return out;
}
