// What every checkpoint that cannot be converted must give: the documented status and code, one
// line that names the place, and a disk on which nothing changed.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { ErrorCode } from '../src/base/errors.ts';
import { type Manifest, manifestName } from '../src/base/manifest.ts';
import { parseManifest } from '../src/base/manifest-reader.ts';
import { convertCommand } from '../src/cli/convert-command.ts';
import { failureOf } from '../src/cli/failure.ts';
import { createMessages } from '../src/cli/messages.ts';
import { parseArguments } from '../src/cli/parse.ts';
import { createProgress } from '../src/cli/progress.ts';
import { copyOf } from './checkpoint-copy.ts';
import { command, documentOf, errorLine, type Ran } from './command.ts';
import { treeOf } from './tree.ts';

export interface Refusal {
  /** What is wrong: the name of the test. */
  readonly what: string;
  /** Breaks a copy of a golden checkpoint. */
  readonly damage: (folder: string) => void | Promise<void>;
  /** The golden case; `clm-default` where it is left out. */
  readonly from?: string;
  readonly args?: readonly string[];
  readonly status: number;
  readonly code: ErrorCode;
  /** Parts of the line: file, tensor, field, and what the reader would look for. */
  readonly says: readonly string[];
  /** Whether the built command is run as well. */
  readonly command?: true;
}

/** Tests that each is refused, in this process and some by the built command. */
export function testRefusals(refusals: readonly Refusal[]): void {
  const named = refusals.map((refusal) => [refusal.what, refusal] as const);
  test.each(named)('%s', async (_, refusal) => {
    await expectRefusal(refusal, convertHere);
  });
  const spawned = named.filter(([, refusal]) => refusal.command);
  test.each(spawned)('%s, by the command', async (_, refusal) => {
    const { forced } = await expectRefusal(refusal, (args) => command(['convert', ...args]));
    expect(documentOf(forced)).toMatchObject({
      command: 'convert',
      status: 'error',
      exitCode: refusal.status,
      error: { code: refusal.code },
    });
  });
}

type Convert = (args: readonly string[]) => Promise<Ran>;

async function expectRefusal(
  { damage, from, args = [], status, code, says }: Refusal,
  convert: Convert,
): Promise<{ readonly forced: Ran }> {
  const folder = copyOf(from);
  await damage(folder);
  const place = dirname(folder);
  const target = join(place, 'out');
  const all = [folder, '-o', target, ...args];
  const untouched = treeOf(place);
  const plain = await convert(all);
  expect([errorLine(plain), plain.status, plain.stdout]).toEqual([
    expect.stringMatching(new RegExp(`^error\\[${code}\\]: .`)),
    status,
    '',
  ]);
  for (const part of says) expect(errorLine(plain)).toContain(part);
  expect(plain.stderr).not.toMatch(/^ +at /m);
  expect(treeOf(place)).toEqual(untouched);

  mkdirSync(target);
  writeFileSync(join(target, 'earlier.txt'), 'an earlier output');
  const earlier = treeOf(place);
  const forced = await convert([...all, '--force', '--json']);
  expect([errorLine(forced), forced.status]).toEqual([errorLine(plain), status]);
  expect(treeOf(place)).toEqual(earlier);
  return { forced };
}

/** Runs `convert` with the command's own parts in this process; stdout holds no documents. */
export async function convertHere(args: readonly string[]): Promise<Ran> {
  const text = { stdout: '', stderr: '' };
  const terminal = {
    out: (more: string) => void (text.stdout += more),
    err: (more: string) => void (text.stderr += more),
    interactive: false,
    colored: false,
  };
  const messages = createMessages(terminal, () => undefined);
  const interrupts = { guard: () => () => undefined, interrupted: () => false };
  const context = { messages, interrupts, progress: createProgress(terminal), env: {} };
  try {
    const request = await parseArguments(['convert', ...args], terminal);
    if (request?.command !== 'convert' || request.many) throw new Error('this is no conversion');
    const outcome = await convertCommand(request.source, request.flags, context);
    terminal.out(outcome.text);
    return { status: outcome.passed ? 0 : 1, ...text };
  } catch (error) {
    const failure = failureOf(error);
    messages.fail(failure);
    return { status: failure.exitCode, ...text };
  }
}

/** What a checkpoint that is taken gives. */
export interface Accepted {
  /** The folder that was written, beside the checkpoint's. */
  readonly target: string;
  readonly manifest: Manifest;
  /** Without the one about the tokenizer, which most golden cases lack. */
  readonly warnings: readonly string[];
}

/** Converts a checkpoint's folder, which must do. */
export async function expectAccepted(
  folder: string,
  ...args: readonly string[]
): Promise<Accepted> {
  const target = join(dirname(folder), 'out');
  const { status, stderr } = await convertHere([folder, '-o', target, '--force', ...args]);
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  const warnings = [...stderr.matchAll(/^warning: (.*)$/gm)].map(([, sentence = '']) => sentence);
  return {
    target,
    manifest: parseManifest(readFileSync(join(target, manifestName))),
    warnings: warnings.filter((sentence) => !sentence.includes('no tokenizer.json')),
  };
}
