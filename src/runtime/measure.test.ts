import { describe, expect, it } from 'vitest';
import { ToolkitError } from '../base/errors.ts';
import {
  decodeTask,
  type Greedy,
  type Pace,
  prefillTask,
  someIds,
  takeTurns,
  type Task,
  warmUps,
} from './measure.ts';

const pace: Pace = { rounds: 4, least: 2, seconds: 60, steps: 3 };

/** A contestant that counts: the next token is how many it has. */
function counting(log: (readonly number[])[]): Greedy {
  return {
    name: 'counting',
    start: async () => {
      let length = 0;
      return {
        append: async (ids) => {
          log.push(ids);
          length += ids.length;
          return length;
        },
        close: async () => void log.push([]),
      };
    },
    close: async () => undefined,
  };
}

function task(round: () => number): Task {
  return { next: 0, round: async () => round(), close: async () => undefined };
}

describe('taking turns', () => {
  it('alternates, and leaves the warm-up out', async () => {
    const order: string[] = [];
    const open = ['a', 'b'].map((name) => async () => task(() => order.push(name)));
    const times = await takeTurns(open, pace);
    expect(order.join('')).toBe('ab'.repeat(warmUps + pace.rounds));
    expect(times.map(({ seconds }) => seconds)).toEqual([
      [5, 7, 9, 11],
      [6, 8, 10, 12],
    ]);
  });

  it('ends when time is up, but not before the least rounds', async () => {
    const [times] = await takeTurns([async () => task(() => 1)], { ...pace, seconds: 0 });
    expect(times?.seconds).toHaveLength(pace.least);
  });

  it('tells why another failed, and goes on alone', async () => {
    let rounds = 0;
    const failing = (): number => {
      if (++rounds === 4) throw new ToolkitError('RUNTIME_FAILED', 'no room');
      return 2;
    };
    const closed: string[] = [];
    const close = async (): Promise<void> => void closed.push('b');
    const open = [async () => task(() => 1), async () => ({ ...task(failing), close })];
    const [own, other] = await takeTurns(open, pace);
    expect(own?.seconds).toHaveLength(pace.rounds);
    expect(other).toMatchObject({ failure: { message: 'no room' } });
    expect([rounds, closed]).toEqual([4, ['b']]);
    await expect(takeTurns(open.toReversed(), { ...pace, rounds: 1 })).resolves.toBeDefined();
    rounds = 3;
    await expect(takeTurns(open.toReversed(), pace)).rejects.toThrow('no room');
  });
});

describe('a round', () => {
  it('of a prefill is the whole prompt in a row of its own', async () => {
    const log: (readonly number[])[] = [];
    const ids = someIds(600, 100);
    const prefill = await prefillTask(counting(log), ids);
    await prefill.round();
    expect(await prefill.round()).toBeGreaterThanOrEqual(0);
    expect(log).toEqual([ids, [], ids, []]);
    expect(prefill.next).toBe(600);
  });

  it('of a decoding is a few steps, each with what came before', async () => {
    const log: (readonly number[])[] = [];
    const decode = await decodeTask(counting(log), someIds(600, 100), pace);
    expect(log.map(({ length }) => length)).toEqual([512, 88]);
    expect(decode.next).toBe(600);
    await decode.round();
    await decode.round();
    await decode.close();
    expect(log.slice(2)).toEqual([[600], [601], [602], [603], [604], [605], []]);
    expect(decode.next).toBe(600);
  });
});

it('made-up prompts stay in the vocabulary', () => {
  expect(someIds(5, 7)).toHaveLength(5);
  expect(someIds(1000, 300).every((id) => id >= 0 && id < 300)).toBe(true);
});
