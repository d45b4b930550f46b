import { expect, it } from 'vitest';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { bytesSource } from '../checkpoint/memory-source.ts';
import { SourceBlob } from './source-blob.ts';

const bytes = Uint8Array.from({ length: 200_000 }, (_, at) => at);
const right = nodeSha256();
right.update(bytes);
const sha256 = right.digest();

/** A blob over the bytes, and what it tells. */
function blob(hash: string = sha256): {
  readonly content: SourceBlob;
  readonly counted: () => number;
  readonly failures: unknown[];
} {
  let sum = 0;
  const failures: unknown[] = [];
  const content = new SourceBlob(bytesSource('file', bytes), {
    sha256: hash,
    hasher: nodeSha256,
    onBytes: (count) => void (sum += count),
    onFailure: (error) => void failures.push(error),
  });
  return { content, counted: () => sum, failures };
}

async function read(content: Blob): Promise<Uint8Array> {
  return new Uint8Array(await new Response(content.stream()).arrayBuffer());
}

it('gives the bytes, whole and in slices', async () => {
  const { content } = blob();
  expect(content.size).toBe(bytes.length);
  expect(await read(content)).toEqual(bytes);
  const slice = content.slice(10, 100_000).slice(5);
  expect(slice.size).toBe(99_985);
  expect(await read(slice)).toEqual(bytes.slice(15, 100_000));
  expect(new Uint8Array(await content.slice(199_000, 300_000).arrayBuffer())).toEqual(
    bytes.slice(199_000),
  );
});

it('counts what a connection takes, and once what it takes again', async () => {
  const { content, counted } = blob();
  await read(content);
  expect(counted()).toBe(0);
  const taken: boolean[] = [];
  for (let tries = 0; tries < 2; tries++) {
    content.watch((isLast) => taken.push(isLast));
    await read(content);
  }
  await read(content);
  expect([counted(), taken.filter(Boolean).length, taken.length]).toEqual([bytes.length, 2, 8]);
});

it('does not send the end of a file with another hash', async () => {
  const { content, counted, failures } = blob('0'.repeat(64));
  content.watch(() => undefined);
  await expect(read(content)).rejects.toThrow('changed while it was uploaded');
  expect([failures.length, counted() < bytes.length]).toEqual([1, true]);
});
