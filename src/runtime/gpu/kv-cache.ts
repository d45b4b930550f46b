// Keys and values of the tokens that rows have so far, on the GPU.
//
//   full layers      every slot; they grow by capacity, which is doubled
//   sliding layers   a ring of as many slots as the window has keys
//
// A slot holds the rows of the cache one after the other, so growing is one copy. The cache of row r
// is valid as far as `lengths[r]` says; what lies behind is overwritten before it is read.

import { ToolkitError } from '../../base/errors.ts';
import { elementBytes, type Element } from '../../wgsl.ts';
import { allocate } from './allocate.ts';
import type { Device } from './device.ts';
import type { CacheLayer } from './steps.ts';

/** Slots that a full layer begins with. */
const leastCapacity = 256;

interface LayerBuffers {
  readonly keys: GPUBuffer;
  readonly values: GPUBuffer;
}

export class KvCache {
  readonly rows: number;
  /** Tokens of each row. */
  readonly lengths: number[];
  readonly #device: Device;
  readonly #shapes: readonly CacheLayer[];
  readonly #element: Element;
  readonly #positions: number;
  #layers: readonly LayerBuffers[] = [];
  #capacity = 0;

  constructor(
    device: Device,
    rows: number,
    {
      layers,
      element,
      positions,
    }: {
      readonly layers: readonly CacheLayer[];
      readonly element: Element;
      /** No row is ever longer. */
      readonly positions: number;
    },
  ) {
    this.rows = rows;
    this.lengths = Array.from({ length: rows }, () => 0);
    this.#device = device;
    this.#shapes = layers;
    this.#element = element;
    this.#positions = positions;
  }

  /** The buffers of a layer, until the cache grows. */
  layer(index: number): LayerBuffers {
    const buffers = this.#layers[index];
    if (buffers) return buffers;
    throw new ToolkitError('INTERNAL', 'a cache is read that has no room yet', {
      where: { layer: index },
    });
  }

  /** Bytes on the GPU. */
  get bytes(): number {
    const sizes = this.#layers.flatMap(({ keys, values }) => [keys.size, values.size]);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Makes room for rows of this length. */
  async reserve(length: number): Promise<void> {
    if (length <= this.#capacity) return;
    const capacity = this.#capacityFor(length);
    const { gpu } = this.#device;
    const encoder = gpu.createCommandEncoder();
    const old = this.#layers;
    const fresh: LayerBuffers[] = [];
    try {
      for (const [index, shape] of this.#shapes.entries()) {
        const before = old[index];
        if (before && slotsOf(shape, this.#capacity) === slotsOf(shape, capacity)) {
          fresh.push(before);
          continue;
        }
        const size = this.#bytesOf(shape, capacity);
        const keys = await this.#allocate(size, `keys of layer ${index}`);
        const values = await this.#allocate(size, `values of layer ${index}`);
        fresh.push({ keys, values });
        if (!before) continue;
        const kept = Math.min(before.keys.size, keys.size);
        encoder.copyBufferToBuffer(before.keys, 0, keys, 0, kept);
        encoder.copyBufferToBuffer(before.values, 0, values, 0, kept);
      }
    } catch (error) {
      destroy(fresh.filter((layer) => !old.includes(layer)));
      throw error;
    }
    gpu.queue.submit([encoder.finish()]);
    destroy(old.filter((layer) => !fresh.includes(layer)));
    this.#layers = fresh;
    this.#capacity = capacity;
  }

  destroy(): void {
    destroy(this.#layers);
    this.#layers = [];
    this.#capacity = 0;
  }

  /** Twice as much as before, as far as there are positions and the GPU binds it. */
  #capacityFor(length: number): number {
    const { bindingBytes } = this.#device.limits;
    const fits = (capacity: number): boolean => this.#largest(capacity) <= bindingBytes;
    if (!fits(length)) {
      throw new ToolkitError(
        'UNSUPPORTED_SIZE',
        'the cache of a layer is larger than this GPU can bind',
        {
          where: {
            rows: this.rows,
            tokens: length,
            bytes: this.#largest(length),
            most: bindingBytes,
          },
          fix: 'run fewer rows at once, or shorter ones',
        },
      );
    }
    const wanted = Math.min(Math.max(leastCapacity, 2 * this.#capacity), this.#positions);
    return wanted > length && fits(wanted) ? wanted : length;
  }

  /** Bytes of the largest buffer. */
  #largest(capacity: number): number {
    return Math.max(0, ...this.#shapes.map((shape) => this.#bytesOf(shape, capacity)));
  }

  #bytesOf(shape: CacheLayer, capacity: number): number {
    return bytesOfSlots(shape, { rows: this.rows, capacity, element: this.#element });
  }

  async #allocate(size: number, label: string): Promise<GPUBuffer> {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return await allocate(this.#device, { label, size, usage });
  }
}

export interface CacheSize {
  readonly rows: number;
  /** Slots of a full layer. */
  readonly capacity: number;
  readonly element: Element;
}

/** Bytes that the keys of a layer take, and its values as many. */
export function bytesOfSlots(layer: CacheLayer, { rows, capacity, element }: CacheSize): number {
  return slotsOf(layer, capacity) * rows * layer.width * elementBytes(element);
}

function slotsOf({ window }: CacheLayer, capacity: number): number {
  return window < 0 ? capacity : window;
}

function destroy(layers: readonly LayerBuffers[]): void {
  for (const { keys, values } of layers) {
    keys.destroy();
    values.destroy();
  }
}
