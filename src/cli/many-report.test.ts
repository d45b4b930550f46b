import { describe, expect, it } from 'vitest';
import type { Failure } from './failure.ts';
import { exitCodeOf, type ManyEntry, manyText, worstOf } from './many-report.ts';

const failure: Failure = { code: 'DISK_FULL', message: '', fix: undefined, exitCode: 74 };

const entry = (more: Partial<ManyEntry>): ManyEntry => ({
  source: 'a',
  name: 'a',
  status: 'converted',
  seconds: 1.26,
  sizes: {},
  ...more,
});

const converted = entry({ sizes: { fp32: 5_000_000 }, kl: 2e-7, parity: 'pass' });
const drifted = entry({ source: 'b', status: 'drifted', parity: 'fail', kl: 0.2 });
const failed = entry({ source: 'c\u001b[31m', status: 'failed', error: failure });

describe('the exit status', () => {
  it.each([
    ['all went well', [converted], 0],
    ['one drifted', [converted, drifted], 1],
    ['an output that was done before had drifted', [entry({ status: 'done', parity: 'fail' })], 1],
    ['one failed, before or behind one that drifted', [drifted, failed, converted], 74],
    ['several failed', [entry({ error: { ...failure, exitCode: 66 } }), failed], 66],
  ])('where %s', (_, entries, exitCode) => {
    expect(exitCodeOf(entries)).toBe(exitCode);
  });
});

describe('the worst divergence', () => {
  it('is the largest, and one that is not finite is worse than any', () => {
    expect(worstOf([{ figures: { meanKl: 1 } }, { figures: { meanKl: 3 } }])).toEqual({ kl: 3 });
    const figures = [{ figures: { meanKl: Number.NaN } }, { figures: { meanKl: 3 } }];
    expect(worstOf(figures)).toEqual({ kl: Number.NaN });
    // null is what JSON makes of it
    expect(worstOf([{ figures: { meanKl: JSON.parse('null') as number } }])).toEqual({
      kl: Number.NaN,
    });
  });

  it('is left out where only features were compared', () => {
    expect(worstOf([{ figures: { maxDifference: 1 } }])).toEqual({});
  });
});

it('the table has a column for each format, and no escapes of a terminal', () => {
  expect(manyText([converted, drifted, failed])).toBe(
    [
      '            fp32  worst KL  parity   time              status',
      '  a       5.0 MB   2.00e-7    pass  1.3 s           converted',
      '  b            -     0.200    fail  1.3 s             drifted',
      '  c\u{fffd}[31m       -         -       -  1.3 s  failed (DISK_FULL)',
      '1 converted, 1 drifted, 1 failed\n',
    ].join('\n'),
  );
});
