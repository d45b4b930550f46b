// Bytes from the GPU to the host, through buffers that are used again.

import { ToolkitError } from '../../base/errors.ts';
import type { Device } from './device.ts';

export class ReadBack {
  readonly #device: Device;
  readonly #free: GPUBuffer[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Records a copy of `bytes` of a buffer; the result reads it after the submission. */
  record(
    encoder: GPUCommandEncoder,
    from: GPUBuffer,
    bytes: number,
    start = 0,
  ): () => Promise<ArrayBuffer> {
    const staging = this.#take(bytes);
    encoder.copyBufferToBuffer(from, start, staging, 0, bytes);
    return async () => {
      try {
        await staging.mapAsync(GPUMapMode.READ, 0, bytes);
      } catch (cause) {
        this.#device.check();
        throw new ToolkitError('RUNTIME_FAILED', 'the GPU did not give its results back', {
          where: { device: this.#device.name, cause: String(cause) },
          fix: 'load the model again on a new device',
          cause,
        });
      }
      const copy = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
      this.#free.push(staging);
      this.#device.check();
      return copy;
    };
  }

  destroy(): void {
    for (const buffer of this.#free) buffer.destroy();
    this.#free.length = 0;
  }

  #take(bytes: number): GPUBuffer {
    const index = this.#free.findIndex(
      ({ size }) => size >= bytes && size <= 4 * bytes + leastBytes,
    );
    const [known] = index < 0 ? [] : this.#free.splice(index, 1);
    if (known) return known;
    if (this.#free.length >= mostFree) this.#free.shift()?.destroy();
    return this.#device.gpu.createBuffer({
      label: 'results',
      size: Math.max(bytes, leastBytes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }
}

const leastBytes = 256;
const mostFree = 4;
