// The measurements of `bench`, one length after the other.

import {
  decodeTask,
  type Greedy,
  type Pace,
  prefillTask,
  someIds,
  takeTurns,
  type Task,
  type Times,
  warmUps,
} from '../runtime/measure.ts';
import type { RowInput } from '../runtime/gpu/batch.ts';
import { ratioOf, spreadOf } from '../runtime/measure-statistics.ts';
import type { Work } from '../runtime/gpu/work.ts';
import type { BenchFlags } from './bench-grammar.ts';
import type { BenchReport, Measurement } from './bench-report.ts';
import type { Context } from './command.ts';

/** What is measured: the first contestant is ours, another stands beside it. */
export interface Subject {
  readonly contestants: readonly Greedy[];
  readonly positions: number;
  readonly vocabulary: number;
  /** What appending tokens takes, by the plan of the first. */
  readonly work?: (input: RowInput) => Work;
}

/** What is asked for: a prompt of so many tokens, or steps behind so many. */
type Length = Pick<Measurement, 'kind' | 'tokens'>;

const usual: Pace = { rounds: 15, least: 3, seconds: 10, steps: 16 };
const quick: Pace = { rounds: 3, least: 3, seconds: 2, steps: 4 };

export async function measureAll(
  subject: Subject,
  { prefill, decode, quick: isQuick = false }: BenchFlags,
  { progress, messages }: Pick<Context, 'progress' | 'messages'>,
): Promise<Pick<BenchReport, 'measurements' | 'skipped'>> {
  const pace = isQuick ? quick : usual;
  const lengths: readonly Length[] = [
    ...(prefill ?? (isQuick ? [128] : [128, 512, 2048])).map(
      (tokens) => ({ kind: 'prefill', tokens }) as const,
    ),
    ...(decode ?? (isQuick ? [128] : [128, 1024, 4096])).map(
      (tokens) => ({ kind: 'decode', tokens }) as const,
    ),
  ];
  const measurements: Measurement[] = [];
  const skipped: string[] = [];
  for (const length of lengths) {
    const needed = positionsOf(length, pace);
    if (needed > subject.positions) {
      skipped.push(
        `${nameOf(length)} takes ${needed} positions, the model has ${subject.positions}`,
      );
      continue;
    }
    progress.status(`measuring ${nameOf(length)}`);
    const measurement = await measure(subject, length, pace);
    measurements.push(measurement);
    const { versus } = measurement;
    if (versus && 'failure' in versus) messages.warn(`${nameOf(length)}: ${versus.failure}`);
    else if (versus?.sameToken === false) {
      messages.warn(`${nameOf(length)}: the runtimes go on with different tokens`);
    }
  }
  return { measurements, skipped };
}

function nameOf({ kind, tokens }: Length): string {
  return kind === 'prefill' ? `prefill ${tokens}` : `decode at ${tokens}`;
}

/** Tokens that a row holds in the end. */
function positionsOf({ kind, tokens }: Length, { rounds, steps }: Pace): number {
  return kind === 'prefill' ? tokens : tokens + (warmUps + rounds) * steps;
}

async function measure(subject: Subject, length: Length, pace: Pace): Promise<Measurement> {
  const { contestants, vocabulary, work } = subject;
  const ids = someIds(length.tokens, vocabulary);
  const open = contestants.map((greedy) => (): Promise<Task> => {
    return length.kind === 'prefill' ? prefillTask(greedy, ids) : decodeTask(greedy, ids, pace);
  });
  const [own, other] = await takeTurns(open, pace);
  const seconds = own?.seconds ?? [];
  const rounds = seconds.length;
  return {
    ...length,
    rounds,
    seconds: spreadOf(seconds),
    ...(work && { work: work(inputOf(length, ids, rounds, pace)) }),
    ...(own && other && { versus: versusOf(own, other) }),
  };
}

/** The prompt; or the step in the middle of all that were timed. */
function inputOf(
  { kind, tokens }: Length,
  ids: readonly number[],
  rounds: number,
  { steps }: Pace,
): RowInput {
  if (kind === 'prefill') return { row: 0, past: 0, ids, keep: [tokens - 1] };
  const past = tokens + warmUps * steps + Math.floor((rounds * steps) / 2);
  return { row: 0, past, ids: [0], keep: [0] };
}

function versusOf(own: Times, other: Times): NonNullable<Measurement['versus']> {
  if (other.failure) return { failure: other.failure.message };
  return {
    seconds: spreadOf(other.seconds),
    ratio: ratioOf(own.seconds, other.seconds),
    sameToken: own.next === other.next,
  };
}
