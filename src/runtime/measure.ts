// Greedy decoding timed as its users see it: from the ids that go in to the id that comes back.
// Contestants take turns, so that what a shared or warming machine does befalls all of them.

import { ToolkitError } from '../base/errors.ts';
import type { Decoder } from '../base/decoding.ts';

/** A model that continues one row by the most likely token. */
export interface Greedy {
  readonly name: string;
  start(): Promise<GreedyRow>;
  close(): Promise<void>;
}

export interface GreedyRow {
  /** Appends tokens and gives the most likely next one. */
  append(ids: readonly number[]): Promise<number>;
  close(): Promise<void>;
}

/** How long to measure. */
export interface Pace {
  /** Rounds at most; fewer when they take longer than `seconds` together, but never below `least`. */
  readonly rounds: number;
  readonly least: number;
  readonly seconds: number;
  /** Decode steps of a round. */
  readonly steps: number;
}

/** Something to measure: a round takes so many seconds. */
export interface Task {
  round(): Promise<number>;
  close(): Promise<void>;
  /** What followed the first tokens, for comparing contestants. */
  readonly next: number | undefined;
}

/** Times of one contestant, in seconds, round by round; of one that failed, why. */
export interface Times {
  readonly seconds: readonly number[];
  readonly next: number | undefined;
  readonly failure?: ToolkitError;
}

/** A decoder as a contestant; closing it is left to whoever opened it. */
export function greedyOn(decoder: Decoder): Greedy {
  const ask = { count: 1, repetitionPenalty: 1 };
  return {
    name: decoder.name,
    start: async () => {
      const decoding = await decoder.start(1);
      return {
        append: async (ids) => (await decoding.append([ids], ask))[0]?.ids[0] ?? Number.NaN,
        close: () => decoding.close(),
      };
    },
    close: async () => undefined,
  };
}

/** Ids of `length` tokens: any, but the same for every contestant. */
export function someIds(length: number, vocabulary: number): readonly number[] {
  return Array.from({ length }, (_, i) => (7919 * (i + 1)) % vocabulary);
}

/** A round is one prompt into an empty cache, and the token after it. */
export async function prefillTask(greedy: Greedy, ids: readonly number[]): Promise<Task> {
  let next: number | undefined;
  return {
    get next() {
      return next;
    },
    round: async () => {
      const row = await greedy.start();
      try {
        const started = performance.now();
        next = await row.append(ids);
        return (performance.now() - started) / 1000;
      } finally {
        await row.close();
      }
    },
    close: async () => undefined,
  };
}

/** Tokens that the cache is filled with at once: runtimes that keep all scores have room for them. */
const fillAtOnce = 512;

/** A round is a few steps of one token each, behind `ids`; its time is that of one step. */
export async function decodeTask(
  greedy: Greedy,
  ids: readonly number[],
  { steps }: Pick<Pace, 'steps'>,
): Promise<Task> {
  const row = await greedy.start();
  try {
    let token = Number.NaN;
    for (let from = 0; from < ids.length; from += fillAtOnce) {
      token = await row.append(ids.slice(from, from + fillAtOnce));
    }
    return {
      next: token,
      round: async () => {
        const started = performance.now();
        for (let step = 0; step < steps; step++) token = await row.append([token]);
        return (performance.now() - started) / 1000 / steps;
      },
      close: () => row.close(),
    };
  } catch (error) {
    await row.close();
    throw error;
  }
}

/** Rounds before anything counts: kernels are compiled and clocks rise. */
export const warmUps = 2;

/**
 * Rounds of all contestants in alternation. The first must not fail; of the others a failure is told,
 * and the rest goes on.
 */
export async function takeTurns(
  open: readonly (() => Promise<Task>)[],
  { rounds, least, seconds: most }: Pace,
): Promise<readonly Times[]> {
  const lanes = open.map((each) => new Lane(each));
  try {
    let begun = performance.now();
    for (let round = -warmUps; round < rounds; round++) {
      if (round === 0) begun = performance.now();
      if (round >= least && performance.now() - begun > 1000 * most) break;
      for (const [index, lane] of lanes.entries()) await lane.round(round >= 0, index > 0);
    }
    return lanes.map((lane) => lane.times());
  } finally {
    for (const lane of lanes) await lane.close();
  }
}

class Lane {
  readonly #open: () => Promise<Task>;
  readonly #seconds: number[] = [];
  #task: Task | undefined;
  #failure: ToolkitError | undefined;

  constructor(open: () => Promise<Task>) {
    this.#open = open;
  }

  async round(counts: boolean, mayFail: boolean): Promise<void> {
    if (this.#failure) return;
    try {
      this.#task ??= await this.#open();
      const seconds = await this.#task.round();
      if (counts) this.#seconds.push(seconds);
    } catch (error) {
      if (!mayFail || !(error instanceof ToolkitError)) throw error;
      this.#failure = error;
    }
  }

  times(): Times {
    const { next } = this.#task ?? { next: undefined };
    return { seconds: this.#seconds, next, ...(this.#failure && { failure: this.#failure }) };
  }

  async close(): Promise<void> {
    await this.#task?.close();
  }
}
