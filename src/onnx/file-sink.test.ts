import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureOf, freshPlace, putFile, writeOutput } from '../../test/output.ts';
import { createOutput } from './file-sink.ts';

const place = freshPlace();

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('an output folder', () => {
  it('appears when it is published, and not before', async () => {
    const output = await createOutput(place.target, { force: false });
    await putFile(output, 'config.json', '{}');
    await putFile(output, 'onnx/model.onnx', 'model');
    expect(readdirSync(place.parent)).not.toContain('out');
    await output.publish();
    expect(readdirSync(place.parent)).toEqual(['out']);
    expect(readdirSync(place.target, { recursive: true }).toSorted()).toEqual([
      'config.json',
      'onnx',
      'onnx/model.onnx',
    ]);
  });

  it('has the permissions that the umask gives', async () => {
    const before = process.umask(0o022);
    try {
      await writeOutput(place.target, 'model');
    } finally {
      process.umask(before);
    }
    expect(statSync(join(place.target, 'onnx/model.onnx')).mode & 0o777).toBe(0o644);
    expect(statSync(place.target).mode & 0o777).toBe(0o755);
  });

  it('hashes and counts what is written, in any pieces, into several files at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.uint8Array({ maxLength: 2000 })), { maxLength: 20 }),
        async (writes) => {
          const output = await createOutput(place.target, { force: true });
          const files = await Promise.all(['a', 'b', 'c'].map((name) => output.create(name)));
          const buffer = new Uint8Array(2000);
          for (const [index, bytes] of writes) {
            buffer.set(bytes);
            await files[index]?.write(buffer.subarray(0, bytes.length));
            buffer.fill(0xee); // the caller's to change
          }
          const written = await Promise.all(files.map((file) => file.close()));
          await output.publish();
          for (const [index, { path, size, sha256 }] of written.entries()) {
            const wanted = Buffer.concat(writes.filter(([at]) => at === index).map(([, b]) => b));
            expect(readFileSync(join(place.target, path)).equals(wanted)).toBe(true);
            expect(size).toBe(wanted.length);
            expect(sha256).toBe(createHash('sha256').update(wanted).digest('hex'));
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('keeps the last of two files with one name', async () => {
    const output = await createOutput(place.target, { force: false });
    await putFile(output, 'manifest', 'a long text');
    await putFile(output, 'manifest', 'short');
    await output.publish();
    expect(readFileSync(join(place.target, 'manifest'), 'utf8')).toBe('short');
  });

  it.each(['../out', '/etc/passwd', 'a/../b', 'a//b', '.', 'a\\b', ''])(
    'takes no file at %j',
    async (path) => {
      const output = await createOutput(place.target, { force: false });
      expect((await failureOf(output.create(path))).code).toBe('INTERNAL');
      await output.abort();
    },
  );

  it('is not published while a file is open', async () => {
    const output = await createOutput(place.target, { force: false });
    await output.create('open');
    expect((await failureOf(output.publish())).code).toBe('INTERNAL');
    expect(readdirSync(place.parent)).toEqual([]);
  });
});

describe('a place.target that exists', () => {
  it('is replaced when it is an empty folder', async () => {
    mkdirSync(place.target);
    await writeOutput(place.target, 'model');
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('model');
  });

  it('is left alone without force', async () => {
    await writeOutput(place.target, 'first');
    const error = await failureOf(createOutput(place.target, { force: false }));
    expect(error.code).toBe('OUTPUT_EXISTS');
    expect(error.exitStatus).toBe(73);
    expect(error.message).toContain('--force');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });

  it('is replaced whole with force', async () => {
    await writeOutput(place.target, 'first');
    writeFileSync(join(place.target, 'stray'), 'x');
    await writeOutput(place.target, 'second', true);
    expect(readdirSync(place.target)).toEqual(['onnx']);
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('second');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });

  it('is left alone when somebody fills it meanwhile', async () => {
    const output = await createOutput(place.target, { force: false });
    mkdirSync(place.target);
    writeFileSync(join(place.target, 'theirs'), 'x');
    expect((await failureOf(output.publish())).code).toBe('OUTPUT_EXISTS');
    expect(readdirSync(place.parent)).toEqual(['out']);
    expect(readdirSync(place.target)).toEqual(['theirs']);
  });
});

describe('a place.target that cannot be made', () => {
  it.each([
    ['is a file', (): void => writeFileSync(place.target, 'x')],
    ['is a link to a folder', (): void => symlinkSync(tmpdir(), place.target)],
    ['is a link to nothing', (): void => symlinkSync(join(place.parent, 'nowhere'), place.target)],
    [
      'lies in a file',
      (): void => {
        writeFileSync(place.target, 'x');
        place.target = join(place.target, 'below', 'it');
      },
    ],
    [
      'has too long a name',
      (): void => {
        place.target = join(place.parent, 'x'.repeat(250));
      },
    ],
    [
      'holds the current folder',
      (): void => {
        place.target = process.cwd();
      },
    ],
    [
      'is the root',
      (): void => {
        place.target = '/';
      },
    ],
  ])('is refused at once when it %s', async (_, prepare) => {
    prepare();
    const before = readdirSync(place.parent);
    const started = performance.now();
    const error = await failureOf(createOutput(place.target, { force: true }));
    expect(error.code).toBe('OUTPUT_CREATE');
    expect(error.exitStatus).toBe(73);
    expect(error.message).not.toContain('\n');
    expect(performance.now() - started).toBeLessThan(1000);
    expect(readdirSync(place.parent)).toEqual(before);
  });
});

describe('folders above the target', () => {
  it('are made', async () => {
    place.target = join(place.parent, 'a/b/out');
    await writeOutput(place.target, 'model');
    expect(readdirSync(join(place.parent, 'a/b'))).toEqual(['out']);
  });

  it('are removed again when the output is given up, and only those', async () => {
    mkdirSync(join(place.parent, 'mine'));
    place.target = join(place.parent, 'mine/a/b/out');
    const output = await createOutput(place.target, { force: false });
    await output.abort();
    expect(readdirSync(join(place.parent, 'mine'))).toEqual([]);
  });
});

describe('an output that is given up', () => {
  it('leaves nothing, with files open and a write under way', async () => {
    const output = await createOutput(place.target, { force: false });
    const file = await output.create('data');
    const writing = file.write(new Uint8Array(2 ** 24));
    const opening = output.create('onnx/other');
    await Promise.all([
      output.abort(),
      writing.catch(() => undefined),
      opening.catch(() => undefined),
    ]);
    expect(readdirSync(place.parent)).toEqual([]);
  });

  it('fails the next write, so that the work ends', async () => {
    const output = await createOutput(place.target, { force: false });
    const file = await output.create('data');
    await output.abort();
    await output.abort();
    expect((await failureOf(file.write(bytesOf('x')))).code).toBe('INTERRUPTED');
    expect((await failureOf(output.create('more'))).code).toBe('INTERRUPTED');
    expect((await failureOf(output.publish())).code).toBe('INTERRUPTED');
  });

  it('stays when it was published', async () => {
    const output = await writeOutput(place.target, 'model');
    await output.abort();
    expect(readdirSync(place.parent)).toEqual(['out']);
  });
});
