import { describe, expect, test } from 'vitest';
import { blobFolder, blobSource, bytesSource } from './memory-source.ts';

const bytes = Uint8Array.of(1, 2, 3, 4);

describe.each([
  ['bytes', () => bytesSource('x', bytes.slice())],
  // whose slice shares memory
  ['bytes of Node', () => bytesSource('x', Buffer.from(bytes))],
  // a part of a larger Blob
  ['a Blob', () => blobSource('x', new Blob([bytes, bytes]).slice(4))],
])('%s as a file', (_name, open) => {
  test('give the range that is asked for, into memory of the caller or of its own', async () => {
    const source = open();
    expect([source.name, source.size]).toEqual(['x', 4]);
    expect(await source.read(1, 3)).toEqual(Uint8Array.of(2, 3));
    const into = new Uint8Array(3);
    const read = await source.read(2, 4, into);
    expect([read, into]).toEqual([Uint8Array.of(3, 4), Uint8Array.of(3, 4, 0)]);
    expect(read.buffer).toBe(into.buffer);
    expect(await source.read(4, 4)).toEqual(new Uint8Array(0));
  });

  test('refuse a range that reaches beyond them', async () => {
    await expect(open().read(2, 5)).rejects.toThrow('x: 2 to 5 reaches beyond 4 bytes');
  });

  test('are not changed through what was read', async () => {
    const source = open();
    (await source.read(0, 4)).fill(9);
    expect(await source.read(0, 4)).toEqual(bytes);
  });
});

test('a Blob whose file is gone says that the file changed', async () => {
  const gone = new Blob([bytes]);
  const rejects = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
  gone.slice = () => Object.assign(new Blob([]), { arrayBuffer: rejects });
  await expect(blobSource('x', gone).read(0, 4)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
});

test('a folder of Blobs lists its files and opens none that it does not have', async () => {
  const folder = blobFolder('mine', { b: bytes, a: new Blob([bytes]) });
  expect([folder.name, await folder.list()]).toEqual(['mine', ['a', 'b']]);
  expect((await folder.open('a'))?.size).toBe(4);
  expect(await folder.open('toString')).toBeUndefined();
});
