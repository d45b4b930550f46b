// The small tables of a run: ids, rows, slots, tiles. They grow and are written anew for each run.

import type { Device } from './device.ts';

export class Tables {
  readonly #device: Device;
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** Bytes on the GPU. */
  get bytes(): number {
    return [...this.#buffers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Writes a table; an empty one is a table all the same. */
  write(name: string, words: Uint32Array<ArrayBuffer>): void {
    this.#device.gpu.queue.writeBuffer(this.reserve(name, words.byteLength), 0, words);
  }

  /** A buffer of at least so many bytes, whose content is what it was or nothing. */
  reserve(name: string, bytes: number): GPUBuffer {
    const known = this.#buffers.get(name);
    if (known && known.size >= bytes) return known;
    known?.destroy();
    const buffer = this.#device.gpu.createBuffer({
      label: name,
      size: Math.max(leastBytes, 2 ** Math.ceil(Math.log2(Math.max(bytes, 1)))),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    this.#buffers.set(name, buffer);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}

const leastBytes = 256;
