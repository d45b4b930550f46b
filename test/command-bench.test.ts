// The built command measuring a small model: what it tells, never how long anything takes.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { caseFolder, command, documentOf, errorLine, type Ran } from './command.ts';
import { testDevice } from './gpu.ts';
import { must } from './must.ts';

interface Measured {
  readonly kind: string;
  readonly tokens: number;
  readonly rounds: number;
  readonly seconds: { readonly median: number; readonly min: number; readonly max: number };
  readonly tokensPerSecond: number;
  readonly work: { readonly dispatches: number; readonly bytes: number };
  readonly shares: { readonly copy: number; readonly f32: number };
  readonly versus: { readonly ratio: { readonly median: number }; readonly sameToken: boolean };
}

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  for (const target of ['onnxruntime', 'portable']) {
    const args = ['convert', caseFolder('clm-default'), '-o', target, '--target', target];
    const { status, stderr } = await command(args, { cwd });
    if (status !== 0) throw new Error(stderr);
  }
});
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const bench = (...args: readonly string[]): Promise<Ran> =>
  command(['bench', 'onnxruntime', '--quick', ...args], { cwd });

const measuredBy = (ran: Ran): readonly Measured[] =>
  documentOf(ran)['measurements'] as readonly Measured[];

const tiny = ['--prefill', '12,2000', '--decode', '5', '--json'];

describe('bench', () => {
  it('measures on the GPU what the plan says, in turns with ONNX Runtime', async () => {
    const ran = await bench(...tiny, '--vs', 'onnxruntime', '--vs-folder', 'portable');
    expect(ran.status).toBe(0);
    expect(documentOf(ran)).toMatchObject({
      runtime: expect.stringContaining('webgpu'),
      dtype: 'fp32',
      versus: expect.stringMatching(/^onnxruntime .*webgpu/),
      device: { peaks: { copyBytes: expect.any(Number) } },
      skipped: ['prefill 2000 takes 2000 positions, the model has 512'],
      warnings: [],
    });
    const measured = measuredBy(ran);
    expect(measured.map(({ kind, tokens }) => [kind, tokens])).toEqual([
      ['prefill', 12],
      ['decode', 5],
    ]);
    for (const { rounds, seconds, shares, versus } of measured) {
      expect(rounds).toBe(3);
      expect(seconds.min).toBeGreaterThan(0);
      expect(seconds.min).toBeLessThanOrEqual(seconds.median);
      expect(seconds.median).toBeLessThanOrEqual(seconds.max);
      for (const share of [shares.copy, shares.f32, versus.ratio.median]) {
        expect(share).toBeGreaterThan(0);
      }
      expect(versus.sameToken).toBe(true);
    }
    const device = await testDevice();
    const models = await openFolder(join(cwd, 'onnxruntime/onnx'));
    const { engine } = await loadModel(device, models, 'model.onnx');
    const ids = Array.from({ length: 12 }, () => 1);
    // two rounds of four steps warm up, and of three that count the middle one is told
    const inputs = [
      { row: 0, past: 0, ids, keep: [11] },
      { row: 0, past: 5 + 2 * 4 + 6, ids: [1], keep: [0] },
    ];
    expect(measured.map(({ work }) => work)).toEqual(inputs.map((input) => engine.work([input])));
    engine.destroy();
    device.destroy();
  });

  it('measures ONNX Runtime on the CPU, of which there is no plan', async () => {
    const ran = await bench('--prefill', '9', '--decode', '4', '--runtime', 'onnxruntime');
    expect(ran.status).toBe(0);
    const [title, , head, prefill, decode] = ran.stdout.split('\n');
    expect(title).toMatch(/^onnxruntime .* \(cpu\), fp32$/);
    expect(head?.trim().split(/ {2,}/)).toEqual(['ms', 'range', 'tokens/s']);
    expect(must(prefill, 'prefill')).toMatch(/^ {2}prefill 9 /);
    expect(must(decode, 'decode')).toMatch(/^ {2}decode at 4 /);
  });

  it.each([
    ['the CPU against the GPU', ['--runtime', 'onnxruntime', '--vs', 'onnxruntime'], 2, /--vs/],
    ['a folder for nobody', ['--vs-folder', 'portable'], 2, /add --vs onnxruntime/],
    ['a length of nothing', ['--prefill', '0'], 2, /numbers of tokens/],
    ['a format that is not there', ['--dtype', 'fp16'], 66, /no fp16 model/],
    ['an attention that is not exact', ['--vs', 'onnxruntime'], 69, /give that folder with --vs-f/],
  ])('refuses %s', async (_, args, status, message) => {
    const ran = await bench(...args);
    expect([ran.status, ran.stdout]).toEqual([status, '']);
    expect(errorLine(ran)).toMatch(message);
  });

  it('refuses a classifier', async () => {
    await command(['convert', caseFolder('cls-three-labels'), '-o', 'labels'], { cwd });
    const ran = await command(['bench', 'labels', '--quick'], { cwd });
    expect([ran.status, errorLine(ran)]).toEqual([2, expect.stringContaining('language models')]);
  });
});
