import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorCodes, ToolkitError } from '../base/errors.ts';
import { failureLine, failureOf, stackOf } from './failure.ts';

describe('an error on the command line', () => {
  it('is one line: code, rule, where, what to do', () => {
    const error = new ToolkitError('WEIGHT_SHAPE', 'a weight has the wrong shape', {
      where: { tensor: 'a\nb', shape: [2, 3] },
      fix: 'check config.json',
    });
    const failure = failureOf(error);
    expect(failureLine(failure)).toBe(
      'error[WEIGHT_SHAPE]: a weight has the wrong shape (tensor=a\u{fffd}b, shape=[2, 3]): check config.json',
    );
    expect(failure).toMatchObject({ exitCode: 65, fix: 'check config.json' });
    expect(failure.message).not.toContain('check config.json');
  });

  it('has the documented status for every code', () => {
    for (const [code, status] of Object.entries(errorCodes)) {
      const failure = failureOf(new ToolkitError(code as keyof typeof errorCodes, 'a rule'));
      expect([failure.code, failure.exitCode]).toEqual([code, status]);
    }
  });

  it('of the system is a failure to read or write', async () => {
    const error: unknown = await readFile('/no/such/file').catch((reason: unknown) => reason);
    expect(failureOf(error)).toMatchObject({ code: 'IO_FAILED', exitCode: 74 });
    // what a write to stdout says, where stdout is a file on a full disk
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    expect(failureOf(full)).toMatchObject({ code: 'DISK_FULL', exitCode: 74 });
  });

  it('that nobody expected is a bug, in one line', () => {
    const failure = failureOf(new TypeError('x is\nundefined'));
    expect(failure).toMatchObject({ code: 'INTERNAL', exitCode: 70 });
    expect(failureLine(failure)).toMatch(
      /^error\[INTERNAL\]: TypeError: x is.undefined: .*--debug/,
    );
    expect(failureOf('a string').message).toBe('a string');
  });

  it('shows the stacks of its causes when asked', () => {
    const error = new ToolkitError('INTERNAL', 'outer', { cause: new Error('inner') });
    expect(stackOf(error)).toMatch(/outer[^]*at [^]*caused by Error: inner[^]*at /);
  });
});
