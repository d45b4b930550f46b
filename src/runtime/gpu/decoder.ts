// Continues rows on the GPU. Penalty, argmax and top-k are computed where the logits lie: a step
// reads back one pair a row, or the few that a sampler asks for.

import { argmax } from '../../../ops/argmax/kernel.ts';
import { repetitionPenalty } from '../../../ops/repetition-penalty/kernel.ts';
import { topK, topKPairs } from '../../../ops/top-k/kernel.ts';
import type { Ask, Candidates, Decoder, Decoding } from '../../base/decoding.ts';
import type { Kernel } from '../../wgsl.ts';
import { allocate } from './allocate.ts';
import type { RowInput } from './batch.ts';
import { candidatesOf } from '../text/candidates.ts';
import type { Engine, Results } from './engine.ts';
import type { Dispatch } from './execute.ts';
import type { KvCache } from './kv-cache.ts';

/** More candidates than the GPU selects are read as whole rows. */
const mostCandidates = 256;

/** A decoder whose rows live on the GPU; closing it frees the model. */
export function gpuDecoder(engine: Engine): Decoder {
  const { plan, device } = engine;
  return {
    name: `webgpu (${device.name})`,
    maxPositions: plan.positions,
    vocabSize: plan.vocabulary,
    start: async (rows) => new GpuDecoding(engine, rows),
    close: async () => engine.destroy(),
  };
}

class GpuDecoding implements Decoding {
  readonly #engine: Engine;
  readonly #cache: KvCache;
  readonly #seen: readonly Set<number>[];
  readonly #kernels = new Map<string, Dispatch>();
  /** Logits of each row: what a sampler may want of them outlives the engine's next run. */
  #logits: GPUBuffer | undefined;

  constructor(engine: Engine, rows: number) {
    this.#engine = engine;
    this.#cache = engine.newCache(rows);
    this.#seen = Array.from({ length: rows }, () => new Set<number>());
  }

  async append(
    tokens: readonly (readonly number[] | undefined)[],
    ask: Ask,
  ): Promise<readonly (Candidates | undefined)[]> {
    const inputs: RowInput[] = [];
    for (const [row, ids] of tokens.entries()) {
      if (ids === undefined || ids.length === 0) continue;
      inputs.push({ row, past: this.#cache.lengths[row] ?? 0, ids, keep: [ids.length - 1] });
      if (ask.repetitionPenalty !== 1) for (const id of ids) this.#seen[row]?.add(id);
    }
    const found: (Candidates | undefined)[] = tokens.map(() => undefined);
    await this.#engine.run(this.#cache, inputs, async (results) => {
      const rows = results.pieces.filter(({ keep }) => keep.length > 0).map(({ row }) => row);
      return await this.#select(results, rows, ask, (index, candidates) => {
        found[rows[index] ?? 0] = candidates;
      });
    });
    return found;
  }

  async close(): Promise<void> {
    this.#cache.destroy();
    this.#logits?.destroy();
    this.#logits = undefined;
  }

  /** Records the penalty, the selection and its way back. */
  async #select(
    results: Results,
    rows: readonly number[],
    ask: Ask,
    onRow: (index: number, candidates: Candidates) => void,
  ): Promise<() => Promise<void>> {
    const { plan, readBack, tables, executor } = this.#engine;
    const { encoder, buffer, kept, pitch, lengths } = results;
    const k = Math.min(ask.count, plan.vocabulary);
    const dispatches = this.#dispatches(k, ask.repetitionPenalty !== 1);
    await executor.prepare(dispatches.map(({ kernel }) => kernel));
    this.#writeSettings(rows, ask);
    const selects = k <= mostCandidates;
    const pairs = selects ? pairsOf(k) : 0;
    const chosen = tables.reserve(k === 1 ? 'best' : 'top', 8 * pairs * kept);
    const pass = encoder.beginComputePass();
    for (const dispatch of dispatches) {
      executor.record(pass, dispatch, lengths, (name) =>
        name === 'logits' ? buffer : tables.reserve(name, 0),
      );
    }
    pass.end();
    const logits = await this.#keep(results, rows);
    const read = selects ? readBack.record(encoder, chosen, 8 * pairs * kept) : undefined;
    return async () => {
      const bytes = await read?.();
      for (const [index, row] of rows.entries()) {
        const all = (): Promise<Float32Array> => this.#readRow(logits, row * pitch);
        if (bytes) onRow(index, { ...candidatesIn(bytes, 8 * pairs * index, k), all });
        else onRow(index, candidatesOf(await all(), [], { count: k, repetitionPenalty: 1 }));
      }
    };
  }

  #dispatches(k: number, penalizes: boolean): readonly Dispatch[] {
    const { plan, device } = this.#engine;
    const shape = { columns: plan.vocabulary };
    const penalty = this.#kernel('penalty', () => repetitionPenalty(shape, device.limits));
    const before = penalizes ? [penalty] : [];
    if (k === 1) return [...before, this.#kernel('argmax', () => argmax(shape, device.limits))];
    if (k > mostCandidates) return before;
    return [...before, this.#kernel(`top ${k}`, () => topK({ ...shape, k }, device.limits))];
  }

  #kernel(name: string, make: () => Kernel): Dispatch {
    const dispatch = this.#kernels.get(name) ?? { kernel: make() };
    this.#kernels.set(name, dispatch);
    return dispatch;
  }

  #writeSettings(rows: readonly number[], { repetitionPenalty: penalty }: Ask): void {
    const seen = rows.flatMap((row, index) => {
      const ids = [...(this.#seen[row] ?? [])];
      return ids.flatMap((id) => [index, id]);
    });
    const settings = new Uint32Array(Float32Array.of(penalty, temperature, 0).buffer);
    settings[2] = seen.length / 2;
    const { tables } = this.#engine;
    tables.write('settings', settings);
    tables.write('seen', Uint32Array.from(seen));
  }

  /** Copies the logits of rows to their places. */
  async #keep({ encoder, buffer, pitch }: Results, rows: readonly number[]): Promise<GPUBuffer> {
    this.#logits ??= await allocate(this.#engine.device, {
      label: 'logits of rows',
      size: this.#seen.length * pitch,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    for (const [index, row] of rows.entries()) {
      encoder.copyBufferToBuffer(buffer, index * pitch, this.#logits, row * pitch, pitch);
    }
    return this.#logits;
  }

  async #readRow(logits: GPUBuffer, start: number): Promise<Float32Array> {
    const { device, readBack, plan } = this.#engine;
    const bytes = 4 * plan.vocabulary;
    const encoder = device.gpu.createCommandEncoder();
    const read = readBack.record(encoder, logits, bytes, start);
    device.gpu.queue.submit([encoder.finish()]);
    return new Float32Array(await read());
  }
}

/** Samplers apply the temperature themselves. */
const temperature = 1;

function pairsOf(k: number): number {
  return k === 1 ? 1 : topKPairs({ columns: k, k });
}

/** The pairs that a row's selection wrote, best first. */
function candidatesIn(bytes: ArrayBuffer, start: number, k: number): Omit<Candidates, 'all'> {
  const head = k === 1 ? 0 : 1;
  const words = new Uint32Array(bytes, start, 2 * pairsOf(k));
  const floats = new Float32Array(bytes, start, 2 * pairsOf(k));
  const order = Array.from({ length: k }, (_, i) => 2 * (head + i)).toSorted(
    (a, b) => at(floats, b) - at(floats, a) || at(words, a + 1) - at(words, b + 1),
  );
  return {
    ids: Uint32Array.from(order, (place) => at(words, place + 1)),
    logits: Float32Array.from(order, (place) => at(floats, place)),
    // of one candidate alone the sum is not computed: it is as likely as any
    logSum: at(floats, 0),
  };
}

function at(list: Float32Array | Uint32Array, index: number): number {
  return list[index] ?? Number.NaN;
}
