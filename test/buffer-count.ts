// Counts the buffers that live on a device.

import type { Device } from '../src/runtime/gpu/device.ts';

export interface BufferCount {
  /** Buffers that were created and not destroyed. */
  readonly buffers: number;
  readonly bytes: number;
  readonly largest: number;
}

/** Watches the buffers of a device from here on; the function tells which are left. */
export function countBuffers({ gpu }: Device): () => BufferCount {
  const live = new Set<GPUBuffer>();
  const create = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy();
    };
    live.add(buffer);
    return buffer;
  };
  return () => {
    const sizes = [...live].map(({ size }) => size);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    return { buffers: sizes.length, bytes, largest: Math.max(0, ...sizes) };
  };
}
