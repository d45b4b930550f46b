// The memory of a run's matrices: a few buffers that every run of every form shares, as large as the
// largest so far needed.

import { allocate } from './allocate.ts';
import type { Device } from './device.ts';
import type { Lowered } from './lower.ts';
import { assign } from './memory.ts';

/** Room is made in steps, so that runs of similar lengths share it. */
const rowStep = 16;

export class Arena {
  readonly #device: Device;
  readonly #buffers: GPUBuffer[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Bytes on the GPU. */
  get bytes(): number {
    return this.#buffers.reduce((sum, { size }) => sum + size, 0);
  }

  /** Where each matrix of a run of so many tokens and outputs lies. */
  async place(
    { matrices }: Lowered,
    rows: { readonly tokens: number; readonly kept: number },
  ): Promise<ReadonlyMap<string, GPUBuffer>> {
    const { places, placeOf } = assign(
      matrices.map(({ name, set, pitch, first, last }) => {
        const count = Math.ceil(Math.max(rows[set], 1) / rowStep) * rowStep;
        const bytes = Math.min(count * pitch, this.#device.limits.bindingBytes);
        return { name, bytes, first, last };
      }),
    );
    for (const [index, bytes] of places.entries()) await this.#enlarge(index, bytes);
    const placed = new Map<string, GPUBuffer>();
    for (const [name, index] of placeOf) {
      const buffer = this.#buffers[index];
      if (buffer) placed.set(name, buffer);
    }
    return placed;
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.length = 0;
  }

  async #enlarge(index: number, bytes: number): Promise<void> {
    const known = this.#buffers[index];
    if (known && known.size >= bytes) return;
    known?.destroy(); // first: there may be no room for both
    try {
      this.#buffers[index] = await allocate(this.#device, {
        label: `matrices ${index}`,
        size: bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
      });
    } catch (error) {
      this.destroy();
      throw error;
    }
  }
}
