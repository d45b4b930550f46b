import { describe, expect, it } from 'vitest';
import { createMessages } from './messages.ts';
import { createProgress } from './progress.ts';
import { formatBytes, formatCount, formatTable } from './sizes.ts';
import type { Terminal } from './terminal.ts';

function recorder(): { readonly terminal: Terminal; readonly lines: () => readonly string[] } {
  let text = '';
  return {
    terminal: {
      out: () => undefined,
      err: (more) => (text += more),
      interactive: false,
      colored: false,
    },
    lines: () => text.split('\n').slice(0, -1),
  };
}

describe('progress without a terminal', () => {
  it('is a line for each tenth, and no more than one in a second', () => {
    const { terminal, lines } = recorder();
    let time = 0;
    const progress = createProgress(terminal, () => time);
    for (let done = 0; done <= 1000; done++) {
      time += 20;
      progress.update({ stage: 'weights', done: done * 1e6, total: 1e9 });
    }
    expect(lines()).toHaveLength(11);
    expect(lines()[0]).toBe('weights: 0 % (0 B of 1.0 GB)');
    expect(lines()[5]).toBe('weights: 50 % (500 MB of 1.0 GB)');
  });

  it('is one line for a stage that is quick', () => {
    const { terminal, lines } = recorder();
    const progress = createProgress(terminal, () => 0);
    for (const stage of ['weights', 'hashes']) {
      for (let done = 10; done <= 100; done++) progress.update({ stage, done, total: 100 });
    }
    expect(lines()).toEqual(['weights: 10 % (10 B of 100 B)', 'hashes: 10 % (10 B of 100 B)']);
  });

  it('begins anew when the work of a stage is done again', () => {
    const { terminal, lines } = recorder();
    let time = 0;
    const progress = createProgress(terminal, () => (time += 2000));
    const format = String;
    for (const done of [80, 100, 1, 30]) progress.update({ stage: 'a', done, total: 100, format });
    expect(lines().at(-1)).toBe('a: 30 % (30 of 100)');
  });

  it('gives a sign of life where nothing is measured', () => {
    const { terminal, lines } = recorder();
    let time = 0;
    const progress = createProgress(terminal, () => time);
    for (; time < 25_000; time += 100) progress.status(`verifying at ${time}`);
    expect(lines()).toEqual(['verifying at 10000', 'verifying at 20000']);
  });
});

describe('messages', () => {
  it('are said once each, on one line, fit for a terminal', () => {
    const { terminal, lines } = recorder();
    const messages = createMessages(terminal, () => undefined);
    messages.warn('a \u001b[31mtensor\nname');
    messages.warn('a \u001b[31mtensor\nname');
    messages.note('something');
    messages.fail({ code: 'USAGE', message: 'a rule', fix: 'do this', exitCode: 2 });
    expect(lines()).toEqual([
      'warning: a \u{fffd}[31mtensor\u{fffd}name',
      'note: something',
      'error[USAGE]: a rule: do this',
    ]);
    expect(messages.warnings).toHaveLength(1);
  });

  it('keep a long sentence whole', () => {
    const { terminal, lines } = recorder();
    const sentence = 'word '.repeat(100).trim();
    createMessages(terminal, () => undefined).warn(sentence);
    expect(lines()).toEqual([`warning: ${sentence}`]);
  });
});

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9949, '9.9 kB'],
    [9951, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [599_000_000, '599 MB'],
    [4_100_000_000, '4.1 GB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('have their thousands parted', () => {
    expect([0, 999, 1000, 1_257_472].map(formatCount)).toEqual(['0', '999', '1,000', '1,257,472']);
  });

  it('stand below each other', () => {
    expect(
      formatTable([
        ['a', '1'],
        ['long', '200'],
      ]),
    ).toBe('  a       1\n  long  200\n');
  });
});
