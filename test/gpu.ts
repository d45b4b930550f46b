// A kernel run alone on the GPU: tensors in, the numbers it wrote out.

import { afterAll, beforeAll, expect } from 'vitest';
import { fromHalf, toHalf } from '../src/base/half.ts';
import { dawn } from '../src/runtime/gpu/dawn.ts';
import { type Device, type DeviceOptions, openDevice } from '../src/runtime/gpu/device.ts';
import { Executor } from '../src/runtime/gpu/execute.ts';
import { type Binding, type Element, type Kernel, type Lengths, vectorsOf } from '../src/wgsl.ts';

/** Opens the test machine's GPU; a machine without one fails the test. */
export async function testDevice(options: DeviceOptions = {}): Promise<Device> {
  return await openDevice(await dawn(), options);
}

/** The device of a test file: opened before its tests, and destroyed after them. */
export function sharedDevice(): () => Device {
  let device: Device | undefined;
  beforeAll(async () => {
    device = await testDevice();
  });
  afterAll(() => device?.destroy());
  return () => device ?? expect.fail('the device is opened before the tests');
}

/** A matrix by rows; on the GPU every row is filled up to a multiple of four. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: ArrayLike<number>;
}

/** What a binding starts with: a matrix of elements, or words as they are. */
export type Content = Matrix | Uint32Array | Int32Array | Uint8Array;

export const noLengths: Lengths = {
  tokens: 0,
  rows: 0,
  cacheRows: 0,
  kept: 0,
  tiles: 0,
  splits: 0,
};

/**
 * Runs a kernel once. `contents` by the bindings' names; results are the contents of all
 * `read_write` bindings afterwards: matrices of the shape they had, or words.
 */
export async function runKernel(
  device: Device,
  kernel: Kernel,
  lengths: Partial<Lengths>,
  contents: Readonly<Record<string, Content>>,
): Promise<Readonly<Record<string, Float64Array | Uint32Array>>> {
  const all = { ...noLengths, ...lengths };
  const executor = new Executor(device);
  await executor.prepare([kernel]);
  executor.setLengths(all);
  const buffers = new Map(
    kernel.bindings.map((binding): [string, GPUBuffer] => {
      const content = contents[binding.name] ?? expect.fail(`no content for ${binding.name}`);
      return [binding.name, bufferOf(device, bytesOf(binding, content))];
    }),
  );
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  executor.record(pass, { kernel }, all, (name) => buffers.get(name) ?? expect.fail(name));
  pass.end();
  const results: Record<string, Float64Array | Uint32Array> = {};
  const reads = kernel.bindings
    .filter(({ access }) => access === 'read_write')
    .map((binding) => ({ binding, read: copyOf(device, encoder, buffers.get(binding.name)) }));
  device.gpu.queue.submit([encoder.finish()]);
  for (const { binding, read } of reads) {
    await read.mapAsync(usage.MAP_READ);
    const content = contents[binding.name] ?? expect.fail(binding.name);
    results[binding.name] = valuesOf(binding, content, read.getMappedRange().slice(0));
    read.destroy();
  }
  for (const buffer of buffers.values()) buffer.destroy();
  executor.destroy();
  device.check();
  return results;
}

function bufferOf({ gpu }: Device, bytes: Uint8Array<ArrayBuffer>): GPUBuffer {
  const buffer = gpu.createBuffer({
    size: bytes.byteLength,
    usage: usage.STORAGE | usage.COPY_DST | usage.COPY_SRC,
  });
  gpu.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}

function copyOf(
  { gpu }: Device,
  encoder: GPUCommandEncoder,
  from: GPUBuffer | undefined,
): GPUBuffer {
  if (!from) return expect.fail('no buffer');
  const read = gpu.createBuffer({ size: from.size, usage: usage.MAP_READ | usage.COPY_DST });
  encoder.copyBufferToBuffer(from, 0, read, 0, from.size);
  return read;
}

/** GPUBufferUsage, which a module cannot read before the GPU is opened. */
const usage = {
  MAP_READ: 1,
  COPY_SRC: 4,
  COPY_DST: 8,
  STORAGE: 128,
} as const;

function isElement(element: Binding['element']): element is Element {
  return element === 'f32' || element === 'half' || element === 'pair';
}

function bytesOf({ name, element }: Binding, content: Content): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(content)) {
    const size = Math.ceil(Math.max(content.byteLength, 16) / 4) * 4;
    const bytes = new Uint8Array(size);
    bytes.set(new Uint8Array(content.buffer, content.byteOffset, content.byteLength));
    return bytes;
  }
  if (!isElement(element)) return expect.fail(`${name} takes words`);
  const { rows, columns, data } = content;
  const pitch = vectorsOf(columns) * 4;
  const size = Math.max(rows * pitch, 4);
  const values = element === 'f32' ? new Float32Array(size) : new Uint16Array(size);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = data[row * columns + column] ?? 0;
      values[row * pitch + column] = element === 'f32' ? value : toHalf(value);
    }
  }
  return new Uint8Array(values.buffer);
}

function valuesOf(
  { element }: Binding,
  content: Content,
  bytes: ArrayBuffer,
): Float64Array | Uint32Array {
  if (!isElement(element) || ArrayBuffer.isView(content)) return new Uint32Array(bytes);
  const { rows, columns } = content;
  const pitch = vectorsOf(columns) * 4;
  const stored =
    element === 'f32'
      ? Float64Array.from(new Float32Array(bytes))
      : Float64Array.from(new Uint16Array(bytes), fromHalf);
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => stored[Math.floor(i / columns) * pitch + (i % columns)] ?? Number.NaN,
  );
}

/** A matrix of zeros, for what a kernel writes. */
export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

/** The elements that the test device can keep halves as; both where it has shader-f16. */
export function elementsOf({ limits }: Device): readonly Element[] {
  return limits.shaderF16 ? ['f32', 'pair', 'half'] : ['f32', 'pair'];
}

/** Largest distance of two lists, in parts of 1 + |expected|. */
export function worstOf(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i] ?? 0;
    const distance = Math.abs((got[i] ?? Number.NaN) - want) / (1 + Math.abs(want));
    worst = Math.max(worst, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return worst;
}
