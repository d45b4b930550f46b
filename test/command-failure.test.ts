// The built command where something is wrong: statuses, one-line errors, and nothing left behind.

import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine } from './command.ts';
import { mountDisk } from './disk.ts';
import { temporaryFolder, treeOf } from './tree.ts';

const shakespeare = caseFolder('shakespeare');

describe('a conversion that cannot be', () => {
  it.each([
    ['there is no such folder', ['convert', './nowhere'], 66, 'INPUT_MISSING'],
    ['the cache lacks the source', ['convert', 'org/none', '--offline'], 66, 'INPUT_MISSING'],
    ['the source is a file', ['convert', `${shakespeare}/model.safetensors`], 65, 'FILE_KIND'],
    ['a folder has no revision', ['convert', shakespeare, '--revision', 'x'], 2, 'USAGE'],
    ['there is no such golden', ['convert', shakespeare, '--golden', 'x'], 66, 'INPUT_MISSING'],
    [
      'the golden folder is another',
      ['convert', shakespeare, '--golden', '.'],
      66,
      'INPUT_MISSING',
    ],
    [
      'the checkpoint has no such head',
      ['convert', shakespeare, '--task', 'text-classification'],
      65,
      'WEIGHT_MISSING',
    ],
    ['an option is wrong', ['convert', shakespeare, '--what'], 2, 'USAGE'],
    ['the target is a file', ['convert', shakespeare, '-o', 'file'], 73, 'OUTPUT_CREATE'],
    ['the target holds files', ['convert', shakespeare, '-o', 'full'], 73, 'OUTPUT_EXISTS'],
  ])(
    'because %s ends with its status, one line and no leftovers',
    async (_, args, status, code) => {
      const cwd = temporaryFolder();
      writeFileSync(join(cwd, 'file'), 'x');
      mkdirSync(join(cwd, 'full/inner'), { recursive: true });
      const before = treeOf(cwd);
      const plain = await command(args, { cwd });
      const json = await command([...args, '--json'], { cwd });
      expect([plain.status, plain.stdout]).toEqual([status, '']);
      expect(errorLine(plain)).toMatch(new RegExp(`^error\\[${code}\\]: `));
      expect(plain.stderr).not.toMatch(/^ +at /m);
      expect(documentOf(json)).toMatchObject({
        status: 'error',
        exitCode: status,
        error: { code },
      });
      expect(treeOf(cwd)).toEqual(before);
    },
  );

  it('says how to get a checkpoint that the cache lacks', async () => {
    const args = ['convert', 'jhu-clsp/ettin-decoder-17m', '--revision', 'main', '--offline'];
    const ran = await command(args, { env: { HF_HUB_CACHE: temporaryFolder() } });
    expect(ran.status).toBe(66);
    expect(errorLine(ran)).toContain('run once without --offline');
  });

  it('never replaces the folder of its own checkpoint', async () => {
    const cwd = temporaryFolder();
    await cp(shakespeare, join(cwd, 'models/checkpoint'), { recursive: true });
    const before = treeOf(cwd);
    for (const target of ['models', 'models/checkpoint']) {
      const ran = await command(['convert', 'models/checkpoint', '-o', target, '--force'], { cwd });
      expect(ran.status).toBe(73);
      expect(errorLine(ran)).toContain('holds the checkpoint');
    }
    expect(treeOf(cwd)).toEqual(before);
  });

  it('because the disk is too small ends before the work', async (context) => {
    const disk = mountDisk(context, 'size=1m');
    const ran = await command(['convert', shakespeare, '-o', join(disk, 'out')]);
    expect(ran.status).toBe(74);
    expect(errorLine(ran)).toMatch(/^error\[DISK_FULL\]: .*needed=5\d{6}, free=\d+\)/);
    expect(readdirSync(disk)).toEqual([]);
  });

  it('exits 74, not 1, when its result cannot be printed', async (context) => {
    context.skip(!existsSync('/dev/full'), 'there is no /dev/full');
    const full = openSync('/dev/full', 'w');
    const ran = await command(['inspect', shakespeare], { stdout: full });
    closeSync(full);
    expect(ran.status).toBe(74);
    expect(errorLine(ran)).toMatch(/^error\[DISK_FULL\]: the disk is full/);
    expect(ran.stderr).not.toMatch(/^ +at /m);
  });

  it('prints a stack with --debug only', async () => {
    const ran = await command(['convert', './nowhere', '--debug']);
    expect(ran.stderr).toMatch(/^ +at /m);
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the work with %i and leaves nothing', async (signal, status) => {
    const cwd = temporaryFolder();
    let sent = 0;
    const ran = await command(['convert', shakespeare, '-o', 'above/out', '--verify', '--json'], {
      cwd,
      onProgress: (child) => {
        sent = performance.now();
        child.kill(signal);
      },
    });
    expect(ran.status).toBe(status);
    expect(performance.now() - sent).toBeLessThan(2000);
    expect(errorLine(ran)).toBe(`error[INTERRUPTED]: ended by ${signal}`);
    expect(documentOf(ran)).toMatchObject({ status: 'error', exitCode: status });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('SIGKILL leaves what the next run clears, with a note', async () => {
    const cwd = temporaryFolder();
    const args = ['convert', shakespeare, '-o', 'out'];
    await command(args, { cwd, env: { MODERNBERT_ONNX_FAILPOINT: 'publish' } });
    expect(readdirSync(cwd)).toHaveLength(2);
    const ran = await command(args, { cwd });
    expect(ran.status).toBe(0);
    expect(ran.stderr).toContain('note: took over the lock of a run that is gone\n');
    expect(ran.stderr).toContain('note: deleted 1 unfinished folder of an interrupted run\n');
    expect(readdirSync(cwd)).toEqual(['out']);
  });
});
