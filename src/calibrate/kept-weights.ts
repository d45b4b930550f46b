// A checkpoint's weights as a format keeps them, in float32: what a model computes with once they
// were rounded.

import { halfTable, toHalf } from '../base/half.ts';
import { BlockMemory } from '../quantize/block-memory.ts';
import { blocksPerRow, codeBytes } from '../quantize/block-rows.ts';
import { fromCodes } from '../quantize/from-codes.ts';
import { type RoundedWeights, weightKey } from '../quantize/rounded.ts';
import type { WeightForm } from '../quantize/settings.ts';
import type { BlockScheme } from '../ir/graph.ts';
import type { Engine } from './engine.ts';
import type { Weights } from './weights.ts';

export interface KeptWeights extends Weights {
  /** How a tensor is kept. */
  readonly formOf: (name: string) => WeightForm;
}

export interface Keeping {
  readonly formOf: (name: string) => WeightForm;
  readonly engine: Engine;
  /** Codes that were found before; without them, blocks are rounded by themselves. */
  readonly rounded?: RoundedWeights | undefined;
}

/** The weights that come back from what is kept of them; not finite where that cannot hold them. */
export function keptWeights(weights: Weights, { formOf, engine, rounded }: Keeping): KeptWeights {
  const memory = new BlockMemory(engine.memory);
  const keep = async (name: string, floats: Float32Array, from: number): Promise<Float32Array> => {
    const form = formOf(name);
    if (form === 'float32') return floats;
    if (form === 'float16') return toHalves(floats);
    const columns = weights.columns(name);
    if (rounded) putRounded(floats, { rounded, form, name, columns, from });
    else await roundBlocks(floats, { form, columns, engine, memory });
    return floats;
  };
  const read = async (name: string): Promise<Float32Array> =>
    await keep(name, await weights.read(name), 0);
  return {
    ...weights,
    formOf,
    read,
    readIf: async (name) => (weights.has(name) ? await read(name) : undefined),
    readRows: async (name, from, to) =>
      await keep(name, await weights.readRows(name, from, to), from),
  };
}

/** The exact weights. */
export function exactly(weights: Weights): KeptWeights {
  return { ...weights, formOf: () => 'float32' };
}

/** The exact weights but for some tensors. */
export function keptOnly(
  weights: Weights,
  kept: KeptWeights,
  tensors: readonly string[],
): KeptWeights {
  const of = (name: string): Weights => (tensors.includes(name) ? kept : weights);
  return {
    ...weights,
    formOf: (name) => (tensors.includes(name) ? kept.formOf(name) : 'float32'),
    read: (name) => of(name).read(name),
    readIf: (name) => of(name).readIf(name),
    readRows: (name, from, to) => of(name).readRows(name, from, to),
  };
}

function toHalves(floats: Float32Array): Float32Array {
  const values = halfTable();
  for (let i = 0; i < floats.length; i++) floats[i] = values[toHalf(floats[i] ?? 0)] ?? Number.NaN;
  return floats;
}

interface Blocks {
  readonly form: BlockScheme;
  readonly columns: number;
}

async function roundBlocks(
  weights: Float32Array,
  {
    form,
    columns,
    engine,
    memory,
  }: Blocks & { readonly engine: Engine; readonly memory: BlockMemory },
): Promise<void> {
  const rows = weights.length / columns;
  const blocks = rows * blocksPerRow(columns, form);
  const job = {
    scheme: form,
    columns,
    weights,
    codes: memory.codes(rows * codeBytes(columns, form)),
    scales: memory.scales(blocks),
    zeros: memory.zeros(blocks),
  };
  await engine.roundBlocks(job, rows);
  fromCodes(job, weights);
}

/** Writes rows over by what their codes, found before, mean. */
function putRounded(
  out: Float32Array,
  {
    rounded,
    form,
    name,
    columns,
    from,
  }: Blocks & {
    readonly rounded: RoundedWeights;
    readonly name: string;
    readonly from: number;
  },
): void {
  const weight = rounded.get(weightKey(form, name));
  if (weight === undefined) return;
  const to = from + out.length / columns;
  const [bytes, blocks] = [codeBytes(columns, form), blocksPerRow(columns, form)];
  fromCodes(
    {
      scheme: form,
      columns,
      codes: weight.codes.subarray(from * bytes, to * bytes),
      scales: weight.scales.subarray(from * blocks, to * blocks),
      zeros: weight.zeros.subarray(from * blocks, to * blocks),
    },
    out,
  );
}
