import { afterAll, beforeAll, expect, it } from 'vitest';
import { countBuffers } from '../../../test/buffer-count.ts';
import { testDevice } from '../../../test/gpu.ts';
import type { Device } from './device.ts';
import { bytesOfSlots, KvCache } from './kv-cache.ts';
import { ReadBack } from './read-back.ts';
import type { CacheLayer } from './steps.ts';

const full: CacheLayer = { width: 16, window: -1, heads: 2, headDim: 8 };
const sliding: CacheLayer = { width: 16, window: 5, heads: 2, headDim: 8 };
const rows = 3;
let device: Device;

beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  device.destroy();
});

const newCache = (on: Device, positions = 2000): KvCache =>
  new KvCache(on, rows, { layers: [full, sliding], element: 'f32', positions });

async function read(buffer: GPUBuffer): Promise<Float32Array> {
  const readBack = new ReadBack(device);
  const encoder = device.gpu.createCommandEncoder();
  const copy = readBack.record(encoder, buffer, buffer.size);
  device.gpu.queue.submit([encoder.finish()]);
  const floats = new Float32Array(await copy());
  readBack.destroy();
  return floats;
}

function counting(length: number, from: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => from + i);
}

it('growing keeps what the slots hold, and leaves rings as they are', async () => {
  const cache = newCache(device);
  await cache.reserve(10);
  const before = [cache.layer(0), cache.layer(1)];
  const written = new Map<GPUBuffer, Float32Array>();
  for (const [index, buffer] of before.flatMap(({ keys, values }) => [keys, values]).entries()) {
    const floats = counting(buffer.size / 4, index * 1e6);
    device.gpu.queue.writeBuffer(buffer, 0, floats);
    written.set(buffer, floats);
  }
  await cache.reserve(257);
  expect(cache.layer(1)).toBe(before[1]);
  for (const which of ['keys', 'values'] as const) {
    const grown = await read(cache.layer(0)[which]);
    const was = written.get(before[0]?.[which] ?? cache.layer(0)[which]) ?? [];
    expect(grown).toHaveLength(2 * was.length);
    expect([...grown.subarray(0, was.length)]).toEqual([...was]);
  }
  cache.destroy();
});

it('takes the bytes that lengths ask for: doubled, up to the last position', async () => {
  const left = countBuffers(device);
  const cache = newCache(device);
  const bytesAt = (capacity: number): number =>
    [full, sliding].reduce(
      (sum, layer) => sum + 2 * bytesOfSlots(layer, { rows, capacity, element: 'f32' }),
      0,
    );
  const sizes: number[] = [];
  for (const length of [1, 256, 257, 513, 1025, 2000]) {
    await cache.reserve(length);
    sizes.push(cache.bytes);
  }
  expect(sizes).toEqual([256, 256, 512, 1024, 2000, 2000].map(bytesAt));
  expect(bytesAt(2000)).toBe(2 * rows * 16 * 4 * (2000 + 5));
  expect(left()).toMatchObject({ buffers: 4, bytes: bytesAt(2000) });
  cache.destroy();
  expect(left().buffers).toBe(0);
});

it('grows by less than double where more cannot be bound, then says so', async () => {
  const most = { bindingBytes: 300 * rows * 16 * 4 };
  const small = await testDevice({ most });
  const cache = newCache(small);
  await cache.reserve(200);
  await cache.reserve(257);
  await cache.reserve(300);
  const bytes = cache.bytes;
  await expect(cache.reserve(301)).rejects.toMatchObject({
    code: 'UNSUPPORTED_SIZE',
    where: { rows, tokens: 301, bytes: 301 * rows * 16 * 4, most: most.bindingBytes },
  });
  expect(cache.bytes).toBe(bytes);
  expect(cache.layer(0).keys.size).toBe(most.bindingBytes);
  cache.destroy();
  small.destroy();
});

it('is not read before it has room', () => {
  expect(() => newCache(device).layer(0)).toThrow(/no room yet/);
});
