// Buffers, with the GPU's refusal as an error of ours.

import { ToolkitError } from '../../base/errors.ts';
import type { Device } from './device.ts';

/** Creates a buffer and waits for the GPU to say that it has the memory. */
export async function allocate(
  { gpu }: Device,
  descriptor: GPUBufferDescriptor & { readonly label: string },
): Promise<GPUBuffer> {
  const { label, size } = descriptor;
  gpu.pushErrorScope('out-of-memory');
  gpu.pushErrorScope('validation');
  const buffer = gpu.createBuffer(descriptor);
  const [invalid, memory] = [await gpu.popErrorScope(), await gpu.popErrorScope()];
  if (!invalid && !memory) return buffer;
  throw new ToolkitError('RUNTIME_FAILED', 'the GPU has no room for a buffer', {
    where: { buffer: label, bytes: size },
    fix: 'close other programs, use a smaller dtype or batch, or choose --runtime onnxruntime',
  });
}
