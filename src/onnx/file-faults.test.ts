import { readdirSync, readFileSync } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ToolkitError } from '../base/errors.ts';
import { failureOf, freshPlace, putFile, writeOutput } from '../../test/output.ts';
import { createOutput } from './file-sink.ts';

const place = freshPlace();

describe('a system call that fails', () => {
  const errno = (code: string): Error => Object.assign(new Error(code), { code });

  /** Handles whose method fails, or does less than asked. */
  function tampered(change: (handle: FileHandle) => Partial<FileHandle>): typeof open {
    return async (...args) => {
      const handle = await open(...args);
      return Object.assign(handle, change(handle));
    };
  }

  async function failWith(opened: typeof open): Promise<ToolkitError> {
    const output = await createOutput(place.target, { force: true, fs: { open: opened, rename } });
    const error = await failureOf(putFile(output, 'data', 'some bytes'));
    await output.abort();
    return error;
  }

  it.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EIO', 'IO_FAILED'],
    ['EDQUOT', 'IO_FAILED'],
    ['EFBIG', 'IO_FAILED'],
    ['EROFS', 'IO_FAILED'],
  ])('while writing with %s is told as %s', async (code, wanted) => {
    await writeOutput(place.target, 'first');
    const refuse = (): Promise<never> => Promise.reject(errno(code));
    const error = await failWith(tampered(() => ({ write: refuse as FileHandle['write'] })));
    expect([error.code, error.exitStatus]).toEqual([wanted, 74]);
    expect(error.message).toContain('file=data');
    expect(readdirSync(place.parent)).toEqual(['out']);
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('first');
  });

  it('while making bytes durable is told', async () => {
    const error = await failWith(tampered(() => ({ sync: () => Promise.reject(errno('EIO')) })));
    expect([error.code, readdirSync(place.parent)]).toEqual(['IO_FAILED', []]);
  });

  it('while the disk takes what was written so far is told', async () => {
    const output = await createOutput(place.target, {
      force: true,
      fs: { open: tampered(() => ({ datasync: () => Promise.reject(errno('EIO')) })), rename },
    });
    const file = await output.create('data');
    await file.write(new Uint8Array(33 * 2 ** 20));
    expect(await failureOf(file.close())).toMatchObject({ code: 'IO_FAILED' });
    await output.abort();
    expect(readdirSync(place.parent)).toEqual([]);
  });

  it('while opening is told', async () => {
    const error = await failWith(() => Promise.reject(errno('EMFILE')));
    expect([error.code, readdirSync(place.parent)]).toEqual(['IO_FAILED', []]);
    expect(error.message).toContain('ulimit -n');
  });

  it('by writing less than asked is asked again', async () => {
    const opened = tampered((handle) => {
      const whole = handle.write.bind(handle);
      const short = (bytes: Uint8Array, from: number, length: number, at: number) =>
        whole(bytes, from, Math.min(length, 3), at);
      return { write: short as FileHandle['write'] };
    });
    const output = await createOutput(place.target, { force: false, fs: { open: opened, rename } });
    await putFile(output, 'data', 'ten bytes!');
    await output.publish();
    expect(readFileSync(join(place.target, 'data'), 'utf8')).toBe('ten bytes!');
  });

  it('by writing nothing ends the work', async () => {
    const none = (): Promise<{ bytesWritten: number }> => Promise.resolve({ bytesWritten: 0 });
    const error = await failWith(
      tampered(() => ({ write: none as unknown as FileHandle['write'] })),
    );
    expect(error.code).toBe('IO_FAILED');
  });

  it.each([
    ['the first', 1, 'EACCES'],
    ['the second', 2, 'EBUSY'],
  ])('at %s rename of an exchange leaves the earlier output', async (_, failing, code) => {
    await writeOutput(place.target, 'first');
    let calls = 0;
    const output = await createOutput(place.target, {
      force: true,
      fs: {
        open,
        rename: async (from, to) => {
          calls += 1;
          if (calls === failing) throw errno(code);
          await rename(from, to);
        },
      },
    });
    await putFile(output, 'onnx/model.onnx', 'second');
    const error = await failureOf(output.publish());
    expect(error.code).toBe('OUTPUT_CREATE');
    expect(readdirSync(place.parent)).toEqual(['out']);
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('first');
  });
});

describe('room on the disk', () => {
  it('is looked for before the work', async () => {
    const output = await createOutput(place.target, { force: false });
    await output.reserve(1000);
    const error = await failureOf(output.reserve(2 ** 60));
    expect([error.code, error.exitStatus]).toEqual(['DISK_FULL', 74]);
    expect(error.message).toMatch(/needed=1152921504606847000, free=\d+/);
    await output.abort();
  });
});
