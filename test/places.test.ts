// Checkpoints and outputs in odd places: names no one expects, links, folders of other users.

import { chmodSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyOf } from './checkpoint-copy.ts';
import { command, errorLine, type Ran } from './command.ts';
import { asNobody } from './disk.ts';
import { convertHere } from './refusal.ts';
import { treeOf } from './tree.ts';

/** Converts a checkpoint into a folder beside it. */
function convertTo(folder: string, name: string, ...args: readonly string[]): Promise<Ran> {
  return convertHere([folder, '-o', join(dirname(folder), name), ...args]);
}

const statusAndLine = (ran: Ran): readonly [number | null, string] => [
  ran.status,
  ran.status === 0 ? '' : errorLine(ran),
];

describe('a name', () => {
  test.each([' a b ', 'Übergrößenträger 模型 🙂', 'a\nb\u001b[31m', "it's $HOME; `x` %41 &", '-x'])(
    '%j is as good as another, for the source and for the output',
    async (name) => {
      const folder = copyOf();
      const renamed = join(dirname(folder), name);
      renameSync(folder, renamed);
      expect(statusAndLine(await convertTo(renamed, `${name}.out`))).toEqual([0, '']);
      expect(readdirSync(dirname(folder)).toSorted()).toEqual([name, `${name}.out`].toSorted());

      renameSync(join(renamed, 'config.json'), join(renamed, 'config.txt'));
      const [status, line] = statusAndLine(await convertTo(renamed, `${name}.out`, '--force'));
      expect(status).toBe(66);
      expect(line).toMatch(/^error\[INPUT_MISSING\]: \P{Cc}*$/u);
    },
  );

  test('of 220 bytes is no matter, and one that is too long is said to be', async () => {
    const folder = copyOf();
    expect(statusAndLine(await convertTo(folder, 'x'.repeat(220)))).toEqual([0, '']);
    for (const name of ['x'.repeat(255), 'ü'.repeat(125), 'y/'.repeat(2500)]) {
      expect(statusAndLine(await convertTo(folder, name))).toEqual([
        73,
        expect.stringContaining('name is too long'),
      ]);
    }
    expect(readdirSync(dirname(folder))).toHaveLength(2);
  });
});

describe('an output', () => {
  test('inside the checkpoint leaves the checkpoint as it was', async () => {
    const folder = copyOf();
    const before = treeOf(folder);
    for (const name of ['checkpoint/a/b', 'checkpoint/onnx']) {
      expect(statusAndLine(await convertTo(folder, name))).toEqual([0, '']);
    }
    expect(treeOf(folder)).toMatchObject(before);
    expect(statusAndLine(await convertTo(folder, 'out'))).toEqual([0, '']);
  });

  test('of the folder one stands in goes below it', async () => {
    const folder = copyOf();
    expect((await command(['convert', '.'], { cwd: folder })).status).toBe(0);
    expect(readdirSync(folder)).toContain('checkpoint-onnx');
    const ran = await command(['convert', '.', '-o', '.', '--force'], { cwd: folder });
    expect(statusAndLine(ran)).toEqual([73, expect.stringContaining('output=.')]);
  });

  test.each([
    ['nothing', 'nowhere'],
    ['the checkpoint', 'checkpoint'],
    ['itself', 'out'],
    ['a folder', 'folder'],
  ])('that is a link to %s is refused', async (_, to) => {
    const folder = copyOf();
    mkdirSync(join(dirname(folder), 'folder'));
    symlinkSync(to, join(dirname(folder), 'out'));
    const before = treeOf(dirname(folder));
    for (const args of [[], ['--force']]) {
      const [status, line] = statusAndLine(await convertTo(folder, 'out', ...args));
      expect([status, line]).toEqual([73, expect.stringMatching(/^error\[OUTPUT_CREATE\]: /)]);
    }
    expect(treeOf(dirname(folder))).toEqual(before);
  });
});

describe('a source', () => {
  test('may be a link to a folder, and is called by the name of the link', async () => {
    const folder = copyOf();
    symlinkSync('checkpoint', join(dirname(folder), 'link'));
    const ran = await convertTo(join(dirname(folder), 'link'), 'out');
    expect(ran.stdout).toMatch(/^Converted link \(/);
  });

  test.each([
    ['a loop of links', 'loop', 65, 'FILE_KIND'],
    ['a link to nothing', 'gone', 66, 'INPUT_MISSING'],
    ['a device', '/dev/null', 65, 'FILE_KIND'],
    ['no name', '', 66, 'INPUT_MISSING'],
  ])('that is %s is refused', async (_, name, status, code) => {
    const place = dirname(copyOf());
    symlinkSync('loop', join(place, 'loop'));
    symlinkSync('nowhere', join(place, 'gone'));
    const source = name === 'loop' || name === 'gone' ? join(place, name) : name;
    const before = treeOf(place);
    const ran = await convertHere([source, '-o', join(place, 'out')]);
    expect(statusAndLine(ran)).toEqual([
      status,
      expect.stringMatching(new RegExp(`^error\\[${code}\\]: `)),
    ]);
    expect(treeOf(place)).toEqual(before);
  });
});

describe("another user's", () => {
  test.for<[what: string, file: string, mode: number, says: string]>([
    ['weights', 'model.safetensors', 0o600, 'file=model.safetensors'],
    ['config', 'config.json', 0o600, 'file=config.json'],
    ['tokenizer', 'tokenizer.json', 0o600, 'file=tokenizer.json'],
    ['folder', '.', 0o700, 'file=config.json'],
    ['folder that may not be listed', '.', 0o711, '/checkpoint)'],
  ])('%s is said to be unreadable, by name', async ([, file, mode, says], context) => {
    const folder = copyOf();
    chmodSync(dirname(folder), 0o777);
    writeFileSync(join(folder, 'tokenizer.json'), '{"model": {}}');
    chmodSync(join(folder, file), mode);
    const before = readdirSync(dirname(folder));
    const ran = await asNobody(context, () => convertTo(folder, 'out'));
    expect(statusAndLine(ran)).toEqual([
      74,
      expect.stringMatching(/^error\[IO_FAILED\]: there is no permission to read this \(/),
    ]);
    expect(errorLine(ran)).toContain(says);
    expect(readdirSync(dirname(folder))).toEqual(before);
  });
});
