// Output folders on disks that are full, read-only, or another user's.

import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOutput } from '../src/onnx/file-sink.ts';
import { writeFiles } from './children/output-files.mjs';
import { asNobody, makeReadOnly, mountDisk } from './disk.ts';
import { failureOf, freshPlace, writeOutput } from './output.ts';
import { treeOf } from './tree.ts';

const place = freshPlace();
const page = 4096;

/** Writes a folder, and gives it up when that fails. */
async function writeAll(target: string): Promise<void> {
  const output = await createOutput(target, { force: true });
  try {
    await writeFiles(output, 'second');
    await output.publish();
  } catch (error) {
    await output.abort();
    throw error;
  }
}

describe('a full disk', () => {
  // the three files take 79 to 107 kB each, in pages; so does the lock, and folders take none
  it.for([1, 2, 10, 20, 21, 40, 60, 72])(
    'of %i pages is told and left empty',
    async (pages, context) => {
      const disk = mountDisk(context, `size=${pages * page}`);
      const error = await failureOf(writeAll(join(disk, 'out')));
      expect([error.code, error.exitStatus]).toEqual(['DISK_FULL', 74]);
      expect(readdirSync(disk)).toEqual([]);
    },
  );

  it('keeps the earlier folder', async (context) => {
    const disk = mountDisk(context, `size=${40 * page}`);
    const target = join(disk, 'out');
    await writeOutput(target, 'first');
    const error = await failureOf(writeAll(target));
    expect(error.message).toMatch(/^the disk is full \(file=onnx\/model\.onnx.*, free=\d+\): /);
    expect(treeOf(disk)).toEqual({ 'out/onnx/model.onnx': 'first' });
  });

  it('without room for a file more is told', async (context) => {
    const disk = mountDisk(context, 'nr_inodes=4');
    const error = await failureOf(writeAll(join(disk, 'out')));
    expect(error.code).toBe('DISK_FULL');
    expect(readdirSync(disk)).toEqual([]);
  });

  it('is known before the work, with what is needed and what is free', async (context) => {
    const disk = mountDisk(context, `size=${100 * page}`);
    const output = await createOutput(join(disk, 'out'), { force: false });
    await output.reserve(50 * page);
    const error = await failureOf(output.reserve(101 * page));
    expect(error.message).toMatch(/needed=413696, free=4\d{5}\)/);
    await output.abort();
    expect(readdirSync(disk)).toEqual([]);
  });
});

describe('a disk that may not be written', () => {
  it('is told at once when it is read-only', async (context) => {
    const disk = mountDisk(context, 'size=1m');
    await writeOutput(join(disk, 'out'), 'first');
    makeReadOnly(disk);
    for (const name of ['out', 'other', 'above/other']) {
      const error = await failureOf(createOutput(join(disk, name), { force: true }));
      expect([error.code, error.exitStatus]).toEqual(['OUTPUT_CREATE', 73]);
      expect(error.message).toContain('read-only');
    }
    expect(treeOf(disk)).toEqual({ 'out/onnx/model.onnx': 'first' });
  });

  it("is told at once when the folder is another user's", async (context) => {
    await writeOutput(place.target, 'first');
    chmodSync(place.parent, 0o755);
    for (const name of ['out', 'other', 'above/other']) {
      const target = join(place.parent, name);
      const error = await asNobody(context, () => failureOf(createOutput(target, { force: true })));
      expect([error.code, error.exitStatus]).toEqual(['OUTPUT_CREATE', 73]);
      expect(error.message).toContain('may not be written');
    }
    expect(treeOf(place.parent)).toEqual({ 'out/onnx/model.onnx': 'first' });
  });

  it('lets a run go on beside what another user left, and says what stays', async (context) => {
    await writeOutput(place.target, 'first');
    const left = join(place.parent, '.out.old-01234567');
    mkdirSync(left);
    writeFileSync(join(left, 'file'), 'of root');
    chmodSync(place.parent, 0o777);
    const notes = await asNobody(context, async () => {
      const output = await createOutput(place.target, { force: true });
      await output.abort();
      return output.notes;
    });
    expect(notes).toEqual([
      '.out.old-01234567 of an earlier run cannot be deleted; delete it by hand',
    ]);
    expect(treeOf(place.parent)).toEqual({
      '.out.old-01234567/file': 'of root',
      'out/onnx/model.onnx': 'first',
    });
  });

  it('is told at once when the target is a disk of its own', async (context) => {
    const disk = mountDisk(context, 'size=1m');
    const error = await failureOf(createOutput(disk, { force: false }));
    expect(error.code).toBe('OUTPUT_CREATE');
    expect(error.message).toContain('mount point');
  });
});
