// Kills a process that writes an output folder, at every named moment and at random ones. The
// target is then nothing, the complete earlier folder or the complete other one, and the next run
// clears what is left.

import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createOutput } from '../src/onnx/file-sink.ts';
import { writeFiles } from './children/output-files.mjs';
import { failureOf, freshPlace } from './output.ts';
import { treeOf } from './tree.ts';

const place = freshPlace();
const script = join(import.meta.dirname, 'children/write-output.mjs');

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Runs the writer in a process of its own; `kill` gives it a moment to be killed at. */
function spawnWriter(
  text: string,
  {
    force = false,
    failpoint = '',
    afterMs,
  }: { force?: boolean; failpoint?: string; afterMs?: number },
): Promise<Ended> {
  const child = spawn(process.execPath, [script, place.target, text, force ? 'force' : ''], {
    env: { ...process.env, MODERNBERT_ONNX_FAILPOINT: failpoint },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  if (afterMs !== undefined) void setTimeout(afterMs).then(() => child.kill('SIGKILL'));
  return new Promise((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, stderr }));
  });
}

async function writeHere(text: string, force: boolean): Promise<readonly string[]> {
  const output = await createOutput(place.target, { force });
  await writeFiles(output, text);
  await output.publish();
  return output.notes;
}

/** Which text the target is complete with; a mixed folder is none. */
function targetText(): string {
  if (!readdirSync(place.parent).includes('out')) return 'absent';
  const tree = treeOf(place.target);
  const text = ['first', 'second', 'third'].find((word) => {
    const files = ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data'];
    const wanted = files.map((path) => [
      path,
      [0, 1, 2, 3].map((chunk) => `${word} ${path} ${chunk}\n`.repeat(1000)).join(''),
    ]);
    return JSON.stringify(tree) === JSON.stringify(Object.fromEntries(wanted));
  });
  return text ?? 'mixed';
}

/** What may be at the target after a kill, and what the next run makes of it. */
async function expectWholeAndRecovered(before: 'absent' | 'first'): Promise<void> {
  expect([before, 'absent', 'second']).toContain(targetText());
  await writeHere('third', true);
  expect(targetText()).toBe('third');
  expect(readdirSync(place.parent)).toEqual(['out']);
}

const eachFile = [1, 2, 3].flatMap((file) => {
  const last = 4 * file;
  return [
    `create:${file}`,
    `created:${file}`,
    `write:${last - 3}`,
    `written:${last - 2}`,
    `written:${last}`,
    `sync:${file}`,
    `synced:${file}`,
  ];
});

const moments = [
  'locked',
  'swept',
  'staged',
  'publish',
  'exchange',
  'exchanged',
  'durable',
  'cleared',
];

describe('a run that is killed', () => {
  it.each([...eachFile, ...moments])(
    'at %s, where nothing was, leaves no part',
    async (failpoint) => {
      expect((await spawnWriter('second', { failpoint })).signal).toBe('SIGKILL');
      await expectWholeAndRecovered('absent');
    },
  );

  it.each([...eachFile, ...moments, 'moved-old'])(
    'at %s, replacing, leaves no mixture',
    async (failpoint) => {
      await writeHere('first', false);
      expect((await spawnWriter('second', { failpoint, force: true })).signal).toBe('SIGKILL');
      await expectWholeAndRecovered('first');
    },
  );

  it('between the two renames leaves the earlier folder to be put back', async () => {
    await writeHere('first', false);
    await spawnWriter('second', { failpoint: 'moved-old', force: true });
    expect(targetText()).toBe('absent');
    expect((await failureOf(createOutput(place.target, { force: false }))).code).toBe(
      'OUTPUT_EXISTS',
    );
    expect(targetText()).toBe('first');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });

  it('at any moment leaves no mixture', async () => {
    for (let run = 0; run < 12; run++) {
      await writeHere('first', true);
      await spawnWriter('second', { force: true, afterMs: 50 + 8 * run });
      await expectWholeAndRecovered('first');
    }
  });
});

describe('processes that write one folder', () => {
  it.each([2, 4, 8])('let one of %i win, and send the others away', async (count) => {
    const ends = await Promise.all(Array.from({ length: count }, () => spawnWriter('second', {})));
    const [won, lost] = [0, 75].map((wanted) => ends.filter(({ status }) => status === wanted));
    // one that comes when the winner is through finds the folder filled
    const late = ends.filter(({ status }) => status === 73);
    expect(won).toHaveLength(1);
    expect((lost?.length ?? 0) + late.length).toBe(count - 1);
    expect(lost?.every(({ stderr }) => stderr.startsWith('LOCKED: '))).toBe(true);
    expect(targetText()).toBe('second');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });

  it('let one win over the lock of a dead one', async () => {
    await spawnWriter('first', { failpoint: 'write:1' });
    const ends = await Promise.all([1, 2, 3, 4].map(() => spawnWriter('second', {})));
    expect(ends.filter(({ status }) => status === 0)).toHaveLength(1);
    expect(targetText()).toBe('second');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });
});

describe('a reader', () => {
  it('never sees a part of a folder that is written', async () => {
    await writeHere('first', false);
    const seen = new Set<string>();
    const reading = new AbortController();
    const readers = (async () => {
      while (!reading.signal.aborted) {
        const [before, text, after] = [folderId(), seenText(), folderId()];
        // a reader that goes path by path may cross from one whole folder to the other
        if (before === after) seen.add(text);
        await setTimeout(1);
      }
    })();
    expect((await spawnWriter('second', { force: true })).status).toBe(0);
    await setTimeout(50);
    reading.abort();
    await readers;
    expect([...seen].filter((text) => text === 'mixed')).toEqual([]);
    expect(seen).toContain('first');
    expect(seen).toContain('second');
  });
});

function folderId(): number | undefined {
  return statSync(place.target, { throwIfNoEntry: false })?.ino;
}

function seenText(): string {
  try {
    return targetText();
  } catch {
    return 'moved away while it was read';
  }
}
