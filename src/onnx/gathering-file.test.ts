import { expect, test } from 'vitest';
import { GatheringFile } from './gathering-file.ts';
import { memorySink } from './memory-sink.ts';

test('Many small writes reach the sink as few, in order, with the large ones between', async () => {
  const sink = memorySink();
  const inner = await sink.create('f');
  const writes: number[] = [];
  const file = new GatheringFile({
    write: (bytes) => {
      writes.push(bytes.length);
      return inner.write(bytes);
    },
    close: () => inner.close(),
  });
  const expected: number[] = [];
  const scratch = new Uint8Array(100_000);
  for (const [index, size] of [10, 20, 65_506, 1, 100_000, 0, 5, 65_536, 65_537].entries()) {
    const piece = scratch.fill(index + 1).subarray(0, size);
    await file.write(piece);
    for (let i = 0; i < size; i++) expected.push(index + 1);
  }
  await file.padTo(expected.length + 7);
  expect(file.size).toBe(expected.length + 7);
  expect(await file.close()).toMatchObject({ path: 'f', size: expected.length + 7 });
  expect(writes).toEqual([65_536, 1, 100_000, 5, 65_536, 65_537, 7]);
  const whole = Uint8Array.from([...expected, 0, 0, 0, 0, 0, 0, 0]);
  expect(Buffer.compare(sink.files.get('f') ?? new Uint8Array(), whole)).toBe(0);
});

test('A sink in memory makes each file once', async () => {
  const sink = memorySink();
  await sink.create('f');
  await expect(sink.create('f')).rejects.toThrow('created twice');
});
