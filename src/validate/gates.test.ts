import { expect, test } from 'vitest';
import {
  defaultGates,
  evaluate,
  gate,
  parseGate,
  tighten,
  type Check,
  type StageResult,
} from './gates.ts';
import type { Metrics } from './metrics.ts';

const { fp32, fp16 } = defaultGates.dtypes;
const none: Metrics = {
  positions: 1,
  maxDifference: 0,
  meanDifference: 0,
  scale: 1,
  worst: { row: 0, position: 4, index: 7 },
};

function result(metrics: Partial<Metrics>, prompt = 'p'): StageResult {
  return { prompt, stage: 'full', metrics: { ...none, ...metrics } };
}

function statuses(checks: readonly Check[]): Readonly<Record<string, string>> {
  return Object.fromEntries(checks.map(({ id, status }) => [id, status]));
}

test('the gates are those that the documents promise', () => {
  expect(defaultGates).toMatchObject({
    scaleFloor: 0.1,
    nearTieFactor: 2,
    dtypes: {
      fp32: { difference: 5e-5, kl: 1e-6, greedy: 1 },
      fp16: { kl: 1e-3, top1: 0.99 },
    },
  });
});

test.each([
  [5e-5, 20, 1e-6, 'pass', 'pass'],
  [5.01e-5, 20, 1e-6, 'fail', 'pass'],
  [5e-5, 20, 1.01e-6, 'pass', 'fail'],
  [Number.POSITIVE_INFINITY, 20, Number.NaN, 'fail', 'fail'],
])('fp32: %f of a scale of %d, KL %f', (relative, scale, kl, difference, divergence) => {
  const metrics = { maxDifference: relative * scale, scale, kl: { mean: kl, max: 1 } };
  expect(statuses(evaluate([result(metrics)], fp32))).toEqual({
    'p/full/difference': difference,
    'p/full/kl': divergence,
  });
});

test('fp16 is gated by its distribution, not by differences', () => {
  const kl = { mean: 1e-3, max: 1 };
  const top1 = { agreed: 99, decided: 100, nearTies: 3 };
  const good = evaluate([result({ maxDifference: 9, kl, top1 })], fp16);
  expect(statuses(good)).toEqual({ 'p/full/kl': 'pass', 'all/full/top1': 'pass' });
  const wrong = { agreed: 98, decided: 100, nearTies: 3 };
  const bad = evaluate([result({ kl: { mean: 1.01e-3, max: 1 }, top1: wrong })], fp16);
  expect(statuses(bad)).toEqual({ 'p/full/kl': 'fail', 'all/full/top1': 'fail' });
});

test('first choices are counted over all prompts of a stage', () => {
  const kl = { mean: 0, max: 0 };
  const short = result({ kl, top1: { agreed: 4, decided: 5, nearTies: 0 } }, 'short');
  const long = result({ kl, top1: { agreed: 95, decided: 95, nearTies: 1 } }, 'long');
  const check = evaluate([short, long], fp16).find(({ metric }) => metric === 'top1');
  expect(check).toMatchObject({
    status: 'pass',
    value: 0.99,
    where: '99 of 100 agree, 1 near ties left out',
  });
  const ties = result({ kl, top1: { agreed: 0, decided: 0, nearTies: 5 } });
  expect(statuses(evaluate([ties], fp16))).toEqual({ 'p/full/kl': 'pass' });
});

test('features have a gate of their own in both dtypes', () => {
  expect(statuses(evaluate([result({ maxDifference: 1e-3 })], fp32))).toEqual({
    'p/full/features': 'fail',
  });
  expect(evaluate([result({ maxDifference: 1e-3 })], fp16)).toEqual([
    {
      id: 'p/full/features',
      prompt: 'p',
      stage: 'full',
      status: 'pass',
      metric: 'features',
      value: 1e-3,
      threshold: 1e-2,
      where: 'row 0, token 4, index 7',
    },
  ]);
});

test('a share that is no number fails, and a dtype without the gate has no check', () => {
  const at = { prompt: 'p', stage: 'greedy', value: Number.NaN, where: '' };
  expect(gate(fp32, 'greedy', at)).toMatchObject([{ status: 'fail' }]);
  expect(gate(fp16, 'greedy', at)).toEqual([]);
});

test('a gate is parsed from its name and a number', () => {
  expect(parseGate('kl=0.05')).toEqual({ name: 'kl', value: 0.05 });
  expect(parseGate('difference=1e-5')).toEqual({ name: 'difference', value: 1e-5 });
  expect(parseGate('top1=1')).toEqual({ name: 'top1', value: 1 });
});

test.each([
  'kl',
  'kl=',
  'kl= ',
  '=1',
  'kl=x',
  'kl=-1',
  'kl=Infinity',
  'kl=NaN',
  'top1=1.01',
  'toString=1',
  'KL=0.05',
])('%j is no gate', (text) => {
  expect(() => parseGate(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('a stricter gate takes the place of the looser one, dtype by dtype', () => {
  const gates = tighten(defaultGates, [parseGate('kl=1e-5')], ['fp32', 'fp16']);
  expect(gates.dtypes.fp32.kl).toBe(1e-6);
  expect(gates.dtypes.fp16).toEqual({ ...fp16, kl: 1e-5 });
  expect(gates.scaleFloor).toBe(defaultGates.scaleFloor);
});

test('a gate that a dtype lacks can be added, and the last of two that tighten holds', () => {
  const overrides = ['top1=0.5', 'top1=0.9'].map(parseGate);
  expect(tighten(defaultGates, overrides, ['fp32']).dtypes.fp32.top1).toBe(0.9);
});

test.each<[string, 'fp32' | 'fp16']>([
  ['kl=0.05', 'fp32'],
  ['kl=1e-6', 'fp32'],
  ['top1=0.98', 'fp16'],
  ['greedy=0.9', 'fp32'],
])('%s makes nothing of %s stricter and is refused', (text, dtype) => {
  expect(() => tighten(defaultGates, [parseGate(text)], [dtype])).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('stricter') }),
  );
});
