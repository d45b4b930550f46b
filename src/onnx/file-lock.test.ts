import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ToolkitError } from '../base/errors.ts';
import { failureOf, freshPlace, writeOutput } from '../../test/output.ts';
import { createOutput } from './file-sink.ts';

const place = freshPlace();

describe('a lock', () => {
  const lockOf = (fields: object): void =>
    writeFileSync(join(place.parent, '.out.lock'), JSON.stringify(fields));

  it('admits one of several writers', async () => {
    const outputs = await Promise.allSettled(
      Array.from({ length: 8 }, () => createOutput(place.target, { force: false })),
    );
    const won = outputs.flatMap((output) => (output.status === 'fulfilled' ? [output.value] : []));
    const lost = outputs.flatMap((output) => (output.status === 'rejected' ? [output.reason] : []));
    expect(won).toHaveLength(1);
    expect(lost.map((error: ToolkitError) => [error.code, error.exitStatus])).toEqual(
      Array.from({ length: 7 }, () => ['LOCKED', 75]),
    );
    for (const output of won) await output.abort();
    expect(readdirSync(place.parent)).toEqual([]);
  });

  it.each([
    ['a process that is gone', { pid: 999_999_999, start: 'x' }],
    ['a process whose id is used again', { pid: process.pid, start: 'an earlier boot' }],
  ])('of %s is taken over, with a note', async (_, holder) => {
    const ours = await createOutput(place.target, { force: false });
    const { machine } = JSON.parse(readFileSync(join(place.parent, '.out.lock'), 'utf8')) as {
      machine: string;
    };
    await ours.abort();
    lockOf({ ...holder, machine });
    const output = await createOutput(place.target, { force: false });
    expect(output.notes).toEqual(['took over the lock of a run that is gone']);
    await output.abort();
    expect(readdirSync(place.parent)).toEqual([]);
  });

  it('of another host counts while it is refreshed, and not long after', async () => {
    lockOf({ pid: process.pid, machine: `not-${hostname()}`, start: '' });
    expect((await failureOf(createOutput(place.target, { force: false }))).code).toBe('LOCKED');
    const past = new Date(Date.now() - 3_600_000);
    utimesSync(join(place.parent, '.out.lock'), past, past);
    const output = await createOutput(place.target, { force: false });
    expect(output.notes).toHaveLength(1);
    await output.abort();
  });

  it('without readable text is being written, unless it is old', async () => {
    writeFileSync(join(place.parent, '.out.lock'), '');
    expect((await failureOf(createOutput(place.target, { force: false }))).code).toBe('LOCKED');
    const past = new Date(Date.now() - 60_000);
    utimesSync(join(place.parent, '.out.lock'), past, past);
    await (await createOutput(place.target, { force: false })).abort();
    expect(readdirSync(place.parent)).toEqual([]);
  });

  it('that was lost keeps the output from being published', async () => {
    const output = await createOutput(place.target, { force: false });
    lockOf({ pid: process.pid, machine: 'another', start: '' });
    expect((await failureOf(output.publish())).code).toBe('LOCKED');
    expect(readdirSync(place.parent)).toEqual(['.out.lock']);
  });
});

describe('a sweep', () => {
  it('deletes what an interrupted run left, and nothing else', async () => {
    mkdirSync(join(place.parent, '.out.partial-999999999-0123abcd/onnx'), { recursive: true });
    mkdirSync(join(place.parent, '.out.partial-mine'));
    mkdirSync(join(place.parent, '.other.partial-999999999-0123abcd'));
    writeFileSync(join(place.parent, '.out.lock-0123abcd'), '');
    const output = await createOutput(place.target, { force: false });
    expect(output.notes).toEqual(['deleted 1 unfinished folder of an interrupted run']);
    await output.abort();
    expect(readdirSync(place.parent).toSorted()).toEqual([
      '.other.partial-999999999-0123abcd',
      '.out.partial-mine',
    ]);
  });

  it('leaves the folder of a run that goes on, and deletes that of a process id used again', async () => {
    const early = join(place.parent, 'early');
    mkdirSync(early);
    await setTimeout(2500);
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      const living = `.out.partial-${process.pid}-0123abcd`;
      mkdirSync(join(place.parent, living));
      await rename(early, join(place.parent, `.out.partial-${child.pid}-0123abcd`));
      const output = await createOutput(place.target, { force: false });
      expect(output.notes).toEqual(['deleted 1 unfinished folder of an interrupted run']);
      await output.abort();
      expect(readdirSync(place.parent)).toEqual([living]);
    } finally {
      child.kill();
    }
  });

  it('puts an output back that was moved away and not yet replaced', async () => {
    await writeOutput(place.target, 'first');
    await rename(place.target, join(place.parent, '.out.old-0123abcd'));
    expect((await failureOf(createOutput(place.target, { force: false }))).code).toBe(
      'OUTPUT_EXISTS',
    );
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('first');
    expect(readdirSync(place.parent)).toEqual(['out']);
  });

  it('deletes an output that was replaced', async () => {
    await writeOutput(place.target, 'second');
    mkdirSync(join(place.parent, '.out.old-0123abcd'));
    await writeOutput(place.target, 'third', true);
    expect(readdirSync(place.parent)).toEqual(['out']);
    expect(readFileSync(join(place.target, 'onnx/model.onnx'), 'utf8')).toBe('third');
  });
});
