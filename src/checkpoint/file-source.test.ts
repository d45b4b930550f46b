import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open, rename, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archivePieces, vectorsPickle, type Piece } from '../../test/torch-archive.ts';
import { fileSource, openFolder, type OpenFile } from './file-source.ts';
import { readSafetensors } from './safetensors.ts';
import { readTorchZip } from './torch-zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'file-source-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** A file that is mostly a hole. */
async function writeSparse(name: string, size: number, pieces: readonly Piece[]): Promise<void> {
  const handle = await open(path(name), 'w');
  await handle.truncate(size);
  for (const { offset, bytes } of pieces) await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
}

describe('a file of five GiB', () => {
  const GiB = 2 ** 30;
  const marks = [2 ** 31, 2 ** 32].map((edge) => ({
    offset: edge - 4,
    bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  }));

  test('is read right across 2^31 and 2^32, as safetensors', async () => {
    const before = process.memoryUsage.rss();
    const text = JSON.stringify({
      first: { dtype: 'U8', shape: [2 ** 31], data_offsets: [0, 2 ** 31] },
      second: { dtype: 'F32', shape: [3 * 2 ** 28], data_offsets: [2 ** 31, 5 * GiB] },
    });
    const header = new Uint8Array(8 + text.length);
    new DataView(header.buffer).setBigUint64(0, BigInt(text.length), true);
    header.set(new TextEncoder().encode(text), 8);
    const size = header.length + 5 * GiB;
    const last = { offset: size - 1, bytes: Uint8Array.of(9) };
    await writeSparse('wide.safetensors', size, [{ offset: 0, bytes: header }, ...marks, last]);
    const source = await fileSource(path('wide.safetensors'));
    const { tensors } = await readSafetensors(source);
    const [first, second] = tensors;
    expect(source.size).toBe(size);
    expect(await source.read(2 ** 31 - 5, 2 ** 31 + 5)).toEqual(
      Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 0),
    );
    expect(await source.read(2 ** 32 - 5, 2 ** 32 + 5)).toEqual(
      Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 0),
    );
    const inFirst = 2 ** 31 - 4 - header.length;
    expect(await first?.read(inFirst, inFirst + 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    const inSecond = 2 ** 31 - 4 - header.length;
    expect(await second?.read(inSecond, inSecond + 8)).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    );
    expect(await second?.read(3 * GiB - 2, 3 * GiB)).toEqual(Uint8Array.of(0, 9));
    expect(process.memoryUsage.rss() - before).toBeLessThan(200e6);
    await source.close();
    rmSync(path('wide.safetensors'));
  });

  test("is read right as torch's zip with 64-bit sizes", async () => {
    const length = 1.25 * GiB;
    const entries = [
      { name: 'x/data.pkl', bytes: vectorsPickle({ wide: length, late: 2 }) },
      { name: 'x/data/0', bytes: Uint8Array.of(1), size: length * 4 },
      { name: 'x/data/1', bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    ];
    const pieces = archivePieces(entries);
    const end = pieces.at(-1);
    await writeSparse('wide.bin', (end?.offset ?? 0) + (end?.bytes.length ?? 0), pieces);
    const source = await fileSource(path('wide.bin'));
    const [wide, late] = (await readTorchZip(source)).tensors;
    expect([wide?.shape, wide?.size]).toEqual([[length], 5 * GiB]);
    expect(await wide?.read(0, 2)).toEqual(Uint8Array.of(1, 0));
    expect(await late?.read(0, 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    await source.close();
    rmSync(path('wide.bin'));
  });
});

describe('a file that changes between opening and reading', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

  test.each<[string, (file: string) => Promise<void>]>([
    ['cut off', (file) => truncate(file, 50)],
    ['made longer', (file) => truncate(file, 200)],
    ['emptied', (file) => truncate(file, 0)],
    [
      'written over',
      async (file) => {
        writeFileSync(file, new Uint8Array(100));
        await utimes(file, 1, 1);
      },
    ],
    [
      'replaced by another',
      async (file) => {
        writeFileSync(`${file}.other`, bytes);
        await rename(`${file}.other`, file);
      },
    ],
    ['taken away', async (file) => rmSync(file)],
  ])('is noticed when it was %s', async (_how, change) => {
    const file = path('changing');
    writeFileSync(file, bytes);
    const source = await fileSource(file);
    expect(await source.read(40, 60)).toEqual(bytes.slice(40, 60));
    await change(file);
    await expect(source.read(40, 60)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    await source.close();
  });
});

describe('an open file that misbehaves', () => {
  const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  beforeAll(() => writeFileSync(path('content'), content));

  const opened =
    (read: OpenFile['read']) =>
    async (file: string, flags: number): Promise<OpenFile> => {
      const handle = await open(file, flags);
      return { read, stat: (options) => handle.stat(options), close: () => handle.close() };
    };

  test('by giving one byte at a time is read whole', async () => {
    let reads = 0;
    const source = await fileSource(
      path('content'),
      opened(async (buffer, offset, length, position) => {
        reads++;
        buffer[offset] = content[position] ?? 0;
        return { bytesRead: Math.min(1, length) };
      }),
    );
    const into = new Uint8Array(500).fill(255);
    expect(await source.read(300, 700, into)).toEqual(content.slice(300, 700));
    expect(into.slice(400)).toEqual(new Uint8Array(100).fill(255));
    expect(reads).toBe(400);
    await source.close();
  });

  test('by an error of the disk gives an error of reading with its name', async () => {
    const source = await fileSource(
      path('content'),
      opened(async () => {
        throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      }),
    );
    await expect(source.read(0, 10)).rejects.toMatchObject({
      code: 'IO_FAILED',
      exitStatus: 74,
      where: { file: 'content', error: 'EIO' },
    });
    await source.close();
  });

  test('by ending early never gives zeros', async () => {
    const source = await fileSource(
      path('content'),
      opened(async () => ({ bytesRead: 0 })),
    );
    await expect(source.read(0, 10)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    await source.close();
  });

  test('is closed when it is not taken', async () => {
    let closed = 0;
    const source = fileSource(folder, async (file, flags) => {
      const handle = await open(file, flags);
      return {
        read: () => Promise.resolve({ bytesRead: 0 }),
        stat: (options) => handle.stat(options),
        close: async () => {
          closed++;
          await handle.close();
        },
      };
    });
    await expect(source).rejects.toMatchObject({ code: 'FILE_KIND' });
    expect(closed).toBe(1);
  });
});

describe('a range', () => {
  test.each([
    [-1, 1],
    [2, 1],
    [0, 5],
    [0.5, 1],
    [Number.NaN, 1],
  ])('from %d to %d of four bytes is refused', async (start, end) => {
    writeFileSync(path('four'), 'four');
    const source = await fileSource(path('four'));
    await expect(source.read(start, end)).rejects.toBeInstanceOf(RangeError);
    await source.close();
  });
});

// Windows has none of these.
describe.skipIf(process.platform === 'win32')('what is no file', () => {
  test('is refused with its kind named', async () => {
    mkdirSync(path('folder'));
    execFileSync('/usr/bin/env', ['mkfifo', path('fifo')]);
    symlinkSync('loop', path('loop'));
    const server = createServer();
    await new Promise<void>((done) => void server.listen(path('socket'), done));
    const refusals = [
      ['folder', 'this is a folder'],
      ['fifo', 'this is a FIFO'],
      ['socket', 'this is a socket'],
      ['loop', 'a loop of symbolic links'],
    ] as const;
    for (const [name, kind] of refusals) {
      const refused = fileSource(path(name));
      await expect(refused).rejects.toMatchObject({ code: 'FILE_KIND', exitStatus: 65 });
      await expect(refused).rejects.toThrow(kind);
    }
    server.close();
    await expect(fileSource('/dev/zero')).rejects.toThrow('this is a device (file=zero)');
    await expect(fileSource(path('nowhere'))).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      exitStatus: 66,
    });
  });
});

describe('a folder', () => {
  test('is named without its path, listed in order and opened by name', async () => {
    mkdirSync(path('checkpoint'));
    writeFileSync(path('checkpoint/b'), 'bb');
    writeFileSync(path('checkpoint/a'), 'a');
    const source = await openFolder(`${path('checkpoint')}/`);
    expect(source.name).toBe('checkpoint');
    expect(await source.list()).toEqual(['a', 'b']);
    const file = await source.open('b');
    expect([file?.name, file?.size]).toEqual(['b', 2]);
    await file?.close();
    expect(await source.open('c')).toBeUndefined();
    expect(await source.open('../four')).toBeUndefined();
    expect(await source.open('..')).toBeUndefined();
  });

  test('of links is read through them, as in the cache of the Hub', async () => {
    mkdirSync(path('blobs'));
    mkdirSync(path('snapshot'));
    writeFileSync(path('blobs/0123'), 'weights');
    symlinkSync('../blobs/0123', path('snapshot/model.safetensors'));
    symlinkSync('../blobs/4567', path('snapshot/gone.safetensors'));
    const source = await openFolder(path('snapshot'));
    const file = await source.open('model.safetensors');
    expect([file?.name, file?.size]).toEqual(['model.safetensors', 7]);
    await file?.close();
    await expect(source.open('gone.safetensors')).rejects.toThrow(
      'a link to a file that is not there',
    );
  });

  test('that is not there, or is a file, is refused as such', async () => {
    await expect(openFolder(path('nowhere'))).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      exitStatus: 66,
    });
    writeFileSync(path('a-file'), 'some text, and more of it');
    await expect(openFolder(path('a-file'))).rejects.toThrow(
      'a folder was expected, and this is a file',
    );
    writeFileSync(path('model.gguf'), 'GGUF\x03\0\0\0');
    await expect(openFolder(path('model.gguf'))).rejects.toThrow(
      /this is a GGUF file .*: give the folder that holds config\.json/,
    );
  });
});
