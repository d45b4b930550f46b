// `convert --jobs` in this process, on a clock that waits for nothing and knows how long it would.

import { convertJobsCommand } from '../../src/cli/convert-jobs-command.ts';
import type { Outcome } from '../../src/cli/command.ts';
import type { ConvertRequest } from '../../src/cli/convert-grammar.ts';
import type { JobEntry } from '../../src/cli/jobs-report.ts';
import { createMessages } from '../../src/cli/messages.ts';
import { parseArguments } from '../../src/cli/parse.ts';
import type { Clock } from '../../src/base/retry.ts';

export const token = 'secret-token-0123456789';

/** Arguments for one job. */
export const one = [
  'some/model',
  '--push-to',
  'some-user/model-onnx',
  '--jobs',
  'cpu-upgrade',
] as const;

/** A clock whose sleeps end at once, and are written down in milliseconds. */
export function idleClock(): { readonly clock: Clock; readonly slept: number[] } {
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
    // requests that go on beside get their turn
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock: { now: () => 0, random: () => 1, sleep }, slept };
}

export interface JobsRun {
  readonly outcome: Outcome;
  readonly entries: readonly JobEntry[];
  readonly stderr: string;
  readonly slept: readonly number[];
}

/** Runs `convert` with arguments against a Hub. */
export async function runJobs(endpoint: string, ...args: readonly string[]): Promise<JobsRun> {
  let stderr = '';
  const terminal = {
    out: () => undefined,
    err: (text: string) => void (stderr += text),
    interactive: false,
    colored: false,
  };
  const request = (await parseArguments(['convert', ...args], terminal)) as ConvertRequest;
  const { clock, slept } = idleClock();
  const context = {
    messages: createMessages(terminal, () => undefined),
    progress: {
      update: () => undefined,
      clear: () => undefined,
      status: (text: string) => void (stderr += `${text}\n`),
    },
    interrupts: { guard: () => () => undefined, interrupted: () => false },
    env: { HF_ENDPOINT: endpoint, HF_TOKEN: token },
  };
  const outcome = await convertJobsCommand(request, request.flags.jobs ?? '', context, clock);
  const entries = outcome.document['conversions'] as readonly JobEntry[];
  return { outcome, entries, stderr, slept };
}
