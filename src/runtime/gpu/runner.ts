// The GPU engine as a runner: the interface of the graph, with masks and padding, on top of packed
// rows. The cache never leaves the GPU: the tensors that a run gives for it stand for it, and go back
// into the next run.

import { ToolkitError } from '../../base/errors.ts';
import type { Feeds, Runner } from '../../base/runner.ts';
import { sizeOf, type Tensor } from '../../base/tensors.ts';
import type { Model } from '../../ir/graph.ts';
import type { RowInput } from './batch.ts';
import type { Engine } from './engine.ts';
import type { HostValues } from './host-part.ts';
import type { KvCache } from './kv-cache.ts';
import { readRows } from './result-rows.ts';

/** A cache in the state after a run. */
interface Resident {
  readonly cache: KvCache;
  readonly lengths: readonly number[];
}

/** A tensor that stays on the GPU. */
class ResidentTensor implements Tensor {
  readonly dtype: Tensor['dtype'];
  readonly shape: readonly number[];
  readonly resident: Resident;

  constructor(dtype: Tensor['dtype'], shape: readonly number[], resident: Resident) {
    this.dtype = dtype;
    this.shape = shape;
    this.resident = resident;
  }

  get data(): never {
    throw refused('the cache stays on the GPU: its tensors only go into the next run', {});
  }
}

/** Runs of the model; a cache lives until a run begins without one. */
export function gpuRunner(engine: Engine, { graph }: Model): Runner {
  const { plan, device } = engine;
  let current: KvCache | undefined;
  return {
    name: `webgpu (${device.name})`,
    inputs: new Map(graph.inputs.map(({ name, type }) => [name, type])),
    outputs: graph.outputs.map(({ name }) => name),
    run: async (feeds) => {
      const host = await plan.host.run(feeds);
      const rows = rowsOf(feeds, host);
      const keeps = plan.layers.some(({ names }) => names !== undefined);
      const cache = keeps ? cacheOf(engine, feeds, rows.length, current) : undefined;
      if (cache !== current) current?.destroy();
      current = cache;
      const outputs = new Map<string, Tensor>();
      outputs.set(plan.output.name, await compute(engine, cache, host, rows));
      if (cache) addPresent(engine, outputs, cache, feeds, host.total);
      return outputs;
    },
    close: async () => {
      current?.destroy();
      engine.destroy();
    },
  };
}

/** The tokens of a row in this call, and the slot of the first. */
interface Row {
  readonly past: number;
  readonly ids: readonly number[];
}

/** What the graph's own arithmetic says of each row: rolled ids, and slots by FusedAttention's rule. */
function rowsOf(feeds: Feeds, { ids, lasts, total }: HostValues): readonly Row[] {
  const [batch = 0, length = 0] = ids.shape;
  const mask = feeds['attention_mask']?.data;
  return Array.from({ length: batch }, (_, row) => {
    const last = lasts.data[row] ?? 0;
    const chunk = Array.from({ length }, (__, i) => Number(mask?.[(row + 1) * total - length + i]));
    const real = chunk.filter((one) => one === 1).length;
    const first = chunk.indexOf(1);
    if (chunk.some((one) => one !== 0 && one !== 1)) {
      throw refused('a mask is of zeros and ones', { row });
    }
    if (!chunk.slice(first, first + real).every((one) => one === 1)) {
      throw refused('a mask has zeros at the ends of a row only', { row });
    }
    const prompt = length === total;
    // a row of padding alone has no outputs that mean anything
    const count = prompt && real > 0 ? Math.min(last + 1, length) : real;
    return {
      past: prompt ? 0 : last + 1 - length,
      ids: Array.from({ length: count }, (__, i) => Number(ids.data[row * length + i])),
    };
  });
}

async function compute(
  engine: Engine,
  cache: KvCache | undefined,
  host: HostValues,
  rows: readonly Row[],
): Promise<Tensor> {
  const { plan } = engine;
  const width = plan.rows.get(plan.output.value)?.width ?? 0;
  const { inputs, places, perRow } = wantedOf(host, rows);
  for (const { row, past } of inputs) checkPast(cache, row, past);
  const data = new Float32Array(rows.length * perRow * width);
  const filled = inputs.filter(({ ids }) => ids.length > 0);
  await engine.run(cache, filled, async (results) =>
    readRows(engine, results, (input, token, values) => {
      for (const place of places(filled[input]?.row ?? 0, token)) data.set(values, place * width);
    }),
  );
  const flat = host.indices?.shape.length === 2 ? [] : [perRow];
  const shape = host.shape ?? [rows.length, ...flat, width];
  if (sizeOf(shape) !== data.length) {
    throw refused('the result has the shape that the graph gives it', {
      shape: shape.join('×'),
      elements: data.length,
    });
  }
  return { dtype: 'float32', shape, data };
}

interface Wanted {
  readonly inputs: readonly RowInput[];
  /** Where in the result the output of a row's token goes; a caller may want it more than once. */
  readonly places: (row: number, token: number) => readonly number[];
  /** Outputs of each row. */
  readonly perRow: number;
}

/** The tokens that are computed, and where their outputs go; outputs of padding stay zero. */
function wantedOf({ ids, indices }: HostValues, rows: readonly Row[]): Wanted {
  const [batch = 0, length = 0] = ids.shape;
  const perRow = indices ? indices.data.length / Math.max(batch, 1) : length;
  const wanted = rows.map((own, row) => {
    const places = new Map<number, number[]>();
    for (let k = 0; k < perRow; k++) {
      const token = indices ? (indices.data[row * perRow + k] ?? 0) : k;
      if (token >= own.ids.length) continue;
      places.set(token, [...(places.get(token) ?? []), row * perRow + k]);
    }
    return places;
  });
  return {
    inputs: rows.map(({ past, ids: own }, row) => {
      const keep = [...(wanted[row]?.keys() ?? [])].toSorted((a, b) => a - b);
      return { row, past, ids: own, keep };
    }),
    places: (row, token) => wanted[row]?.get(token) ?? [],
    perRow,
  };
}

/** The graph writes into the slots behind the tokens that a row has: nothing else is kept. */
function checkPast(cache: KvCache | undefined, row: number, past: number): void {
  const has = cache?.lengths[row] ?? 0;
  if (past === has) return;
  throw refused('a row goes on where its cache ends', { row, slot: past, cached: has });
}

/** The cache that the past stands for; a fresh one where the past has no tokens. */
function cacheOf(
  engine: Engine,
  feeds: Feeds,
  batch: number,
  current: KvCache | undefined,
): KvCache {
  const names = engine.plan.layers.flatMap((layer) => layer.names?.past ?? []);
  const pasts = names.map((name) => feeds[name]);
  if (pasts.every((past) => past?.shape[2] === 0)) return engine.newCache(batch);
  const [first] = pasts;
  const fits =
    first instanceof ResidentTensor &&
    pasts.every((past) => past instanceof ResidentTensor && past.resident === first.resident) &&
    first.resident.cache === current &&
    current.rows === batch &&
    current.lengths.every((length, row) => length === first.resident.lengths[row]);
  if (fits) return first.resident.cache;
  throw refused('the past is what the run before gave, and each is continued once', {});
}

function addPresent(
  { plan }: Engine,
  outputs: Map<string, Tensor>,
  cache: KvCache,
  feeds: Feeds,
  total: number,
): void {
  const resident: Resident = { cache, lengths: [...cache.lengths] };
  for (const { names, heads, headDim } of plan.layers) {
    const past = feeds[names?.past[0] ?? ''];
    const rows = Math.max(past?.shape[2] ?? 0, total);
    for (const name of names?.present ?? []) {
      const shape = [cache.rows, heads, rows, headDim];
      outputs.set(name, new ResidentTensor(past?.dtype ?? 'float32', shape, resident));
    }
  }
}

function refused(rule: string, where: Readonly<Record<string, string | number>>): ToolkitError {
  return new ToolkitError('RUNTIME_FAILED', rule, { where });
}
