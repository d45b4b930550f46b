// A model on a GPU: appends tokens to rows and leaves the outputs that are asked for in a buffer,
// for whoever reads or samples them there.

import type { AttentionShape } from '../../../ops/fused-attention/kernel-shape.ts';
import { partialsFloats } from '../../../ops/fused-attention/kernel-step-size.ts';
import { ToolkitError } from '../../base/errors.ts';
import type { Element, Lengths } from '../../wgsl.ts';
import { Arena } from './arena.ts';
import { cut, pack, type Packed, type Piece, type RowInput, tilesOf } from './batch.ts';
import { formOf, mostOf, splitsOf } from './batch-form.ts';
import type { Device } from './device.ts';
import { Executor } from './execute.ts';
import { KvCache } from './kv-cache.ts';
import { attentionShapes } from './lower-attention.ts';
import { type Form, formKey, lower, type Lowered } from './lower.ts';
import type { Ref } from './lowering.ts';
import type { Placement } from './placement.ts';
import { ReadBack } from './read-back.ts';
import type { Plan } from './steps.ts';
import { Tables } from './tables.ts';
import { destroyWeights, type Weights } from './weights.ts';
import { type Work, workOf } from './work.ts';

/** Outputs of a run, before it is submitted. */
export interface Results {
  readonly encoder: GPUCommandEncoder;
  readonly buffer: GPUBuffer;
  /** Rows of it, and the bytes of each. */
  readonly kept: number;
  readonly pitch: number;
  readonly lengths: Lengths;
  /** What the rows are outputs of, in order. */
  readonly pieces: readonly Piece[];
}

/** Records what becomes of outputs; what it returns is awaited after the submission. */
export type Use = (results: Results) => Promise<(() => Promise<void>) | undefined>;

export class Engine {
  readonly device: Device;
  readonly plan: Plan;
  readonly executor: Executor;
  readonly readBack: ReadBack;
  readonly tables: Tables;
  /** Rows that the products of runs have seen, for tests: padding is never among them. */
  rowsSeen = 0;
  readonly #weights: Weights;
  readonly #placements: ReadonlyMap<string, Placement>;
  readonly #cacheElement: Element;
  readonly #shapes: readonly AttentionShape[];
  readonly #arena: Arena;
  readonly #lowered = new Map<string, Lowered>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    device: Device,
    plan: Plan,
    {
      weights,
      placements,
      cacheElement,
    }: {
      readonly weights: Weights;
      readonly placements: ReadonlyMap<string, Placement>;
      readonly cacheElement: Element;
    },
  ) {
    this.device = device;
    this.plan = plan;
    this.executor = new Executor(device);
    this.readBack = new ReadBack(device);
    this.tables = new Tables(device);
    this.#arena = new Arena(device);
    this.#weights = weights;
    this.#placements = placements;
    this.#cacheElement = cacheElement;
    this.#shapes = attentionShapes(plan, cacheElement);
  }

  /** Bytes on the GPU: what the model always takes, and what runs so far needed beside it. */
  get memory(): { readonly weights: number; readonly work: number } {
    const parts = [...this.#weights.values()].flat();
    const weights = parts.reduce((sum, { buffer }) => sum + buffer.size, 0);
    return { weights, work: this.#arena.bytes + this.tables.bytes };
  }

  /** What appending tokens to rows of a cache takes, by the plan. */
  work(inputs: readonly RowInput[]): Work {
    return workOf(this.plan, inputs, {
      limits: this.device.limits,
      placements: this.#placements,
      cacheElement: this.#cacheElement,
      cached: true,
    });
  }

  /** An empty cache of so many rows. */
  newCache(rows: number): KvCache {
    const { layers, positions } = this.plan;
    return new KvCache(this.device, rows, { layers, element: this.#cacheElement, positions });
  }

  /** Appends tokens to rows of the cache; runs of one engine come one after the other. */
  async run(cache: KvCache | undefined, inputs: readonly RowInput[], use: Use): Promise<void> {
    const turn = this.#last.then(() => this.#run(cache, inputs, use));
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  destroy(): void {
    destroyWeights(this.#weights);
    this.#arena.destroy();
    this.tables.destroy();
    this.readBack.destroy();
    this.executor.destroy();
  }

  async #run(given: KvCache | undefined, inputs: readonly RowInput[], use: Use): Promise<void> {
    this.device.check();
    this.#checkInputs(inputs);
    const batches = cut(inputs, ...mostOf(this.plan, this.device.limits));
    const whole = (piece: Piece): boolean =>
      piece.past === 0 && piece.ids.length === inputs[piece.input]?.ids.length;
    const rows = 1 + Math.max(0, ...inputs.map(({ row }) => row));
    const needed = given !== undefined || !batches.every((batch) => batch.every(whole));
    const cache = given ?? (needed ? this.newCache(rows) : undefined);
    try {
      await cache?.reserve(Math.max(0, ...inputs.map(({ past, ids }) => past + ids.length)));
      for (const pieces of batches) {
        await this.#runBatch(cache, pieces, use);
        if (!cache) continue;
        for (const { row, past, ids } of pieces) cache.lengths[row] = past + ids.length;
      }
    } finally {
      if (given === undefined) cache?.destroy();
    }
  }

  async #runBatch(cache: KvCache | undefined, pieces: readonly Piece[], use: Use): Promise<void> {
    const packed = pack(pieces);
    const lowered = await this.#lower(formOf(packed, cache !== undefined));
    const placed = await this.#arena.place(lowered, packed);
    const sizes = new Set(lowered.dispatches.flatMap(({ tileSize }) => tileSize ?? []));
    const tiles = new Map([...sizes].map((size) => [size, tilesOf(pieces, size)]));
    const lengths = this.#lengths(packed, pieces.length, tiles, cache);
    this.#writeTables(packed, tiles, lengths);
    this.executor.setLengths(lengths);
    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const dispatch of lowered.dispatches) {
      if (dispatch.merges === true && lengths.splits === 1) continue;
      const own = tiles.get(dispatch.tileSize ?? 0);
      const grid = own ? { ...lengths, tiles: own.length / 2 } : lengths;
      this.executor.record(pass, dispatch, grid, (name) => {
        const ref = dispatch.refs.get(name);
        if (ref) return this.#resolve(ref, placed, cache);
        throw missing(name);
      });
    }
    pass.end();
    const buffer = lowered.result === undefined ? undefined : placed.get(lowered.result);
    const pitch = lowered.matrices.find(({ name }) => name === lowered.result)?.pitch ?? 0;
    const { kept } = packed;
    const after =
      buffer && kept > 0 ? await use({ encoder, buffer, kept, pitch, lengths, pieces }) : undefined;
    this.device.gpu.queue.submit([encoder.finish()]);
    this.rowsSeen += packed.tokens;
    await after?.();
    this.device.check();
  }

  async #lower(form: Form): Promise<Lowered> {
    const key = formKey(form);
    const known = this.#lowered.get(key);
    if (known) return known;
    const lowered = lower(this.plan, form, this.device.limits, this.#placements);
    await this.executor.prepare(lowered.dispatches.map(({ kernel }) => kernel));
    this.#lowered.set(key, lowered);
    return lowered;
  }

  #lengths(
    packed: Packed,
    rows: number,
    tiles: ReadonlyMap<number, Uint32Array>,
    cache: KvCache | undefined,
  ): Lengths {
    const { tokens, kept } = packed;
    return {
      tokens,
      rows,
      cacheRows: cache?.rows ?? rows,
      kept,
      tiles: Math.max(0, ...[...tiles.values()].map(({ length }) => length / 2)),
      splits: splitsOf(this.#shapes, packed, rows),
    };
  }

  #writeTables(
    packed: Packed,
    tiles: ReadonlyMap<number, Uint32Array<ArrayBuffer>>,
    { splits, rows }: Lengths,
  ): void {
    this.tables.write('ids', packed.ids);
    this.tables.write('rows', packed.rowTable);
    this.tables.write('tokens', packed.tokenTable);
    this.tables.write('indices', packed.indices);
    for (const [size, words] of tiles) this.tables.write(`tiles ${size}`, words);
    const floats = this.#shapes.map((shape) => partialsFloats(shape, rows, splits));
    this.tables.reserve('partials', 4 * Math.max(0, ...floats));
  }

  #resolve(
    ref: Ref,
    placed: ReadonlyMap<string, GPUBuffer>,
    cache: KvCache | undefined,
  ): GPUBuffer {
    switch (ref.kind) {
      case 'matrix':
        return placed.get(ref.name) ?? fail(ref.name);
      case 'weight':
        return this.#weights.get(ref.name)?.[ref.part]?.buffer ?? fail(ref.name);
      case 'cache':
        return cache?.layer(ref.layer)[ref.which] ?? fail(ref.which);
      case 'batch':
        return this.tables.reserve(ref.table, 0);
      case 'tiles':
        return this.tables.reserve(`tiles ${ref.size}`, 0);
    }
  }

  #checkInputs(inputs: readonly RowInput[]): void {
    const { positions, vocabulary } = this.plan;
    const known = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabulary;
    const unknown = inputs.flatMap(({ ids }) => ids.find((id) => !known(id)) ?? [])[0];
    if (unknown !== undefined) {
      throw new ToolkitError('USAGE', 'a token id is in the vocabulary', {
        where: { id: unknown, vocabulary },
        fix: "use the model's own tokenizer",
      });
    }
    const longest = Math.max(0, ...inputs.map(({ past, ids }) => past + ids.length));
    if (longest <= positions) return;
    throw new ToolkitError(
      'UNSUPPORTED_SIZE',
      'a sequence is longer than the model has positions',
      {
        where: { tokens: longest, positions },
        fix: 'shorten the text',
      },
    );
  }
}

function missing(name: string): ToolkitError {
  return new ToolkitError('INTERNAL', 'a kernel binds what it was given', { where: { name } });
}

function fail(name: string): never {
  throw missing(name);
}
