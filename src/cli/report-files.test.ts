import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mountDisk } from '../../test/disk.ts';
import { temporaryFolder } from '../../test/tree.ts';
import { checkReportPlace, writeJUnit, writePage } from './report-files.ts';

const interrupts = { guard: () => () => undefined, interrupted: () => false };
const noFiles = { passed: true, files: [], verifications: [] };

describe('a report', () => {
  test('that does not fit on the disk leaves the one that is there', async (context) => {
    const disk = mountDisk(context, 'size=64k');
    const path = join(disk, 'r.xml');
    writeFileSync(path, 'earlier');
    expect(() => writeFileSync(join(disk, 'fill'), Buffer.alloc(2 ** 17))).toThrow('ENOSPC');
    await expect(writeJUnit(path, noFiles, interrupts)).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    expect(readFileSync(path, 'utf8')).toBe('earlier');
    expect(readdirSync(disk).toSorted()).toEqual(['fill', 'r.xml']);
  });

  test('goes where a link leads, and the link stays', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'elsewhere'));
    const [link, place] = [join(folder, 'link'), join(folder, 'elsewhere/report')];
    writeFileSync(place, 'earlier');
    symlinkSync('elsewhere/report', link);
    await checkReportPlace('page', link);
    await writePage(link, '<html>', interrupts);
    expect(readFileSync(place, 'utf8')).toBe('<html>');
    await checkReportPlace('junit', link);
    await writeJUnit(link, noFiles, interrupts);
    expect(readFileSync(place, 'utf8')).toContain('<testsuites');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });
});
