// Parity: runs a model over a golden's prompts in every way that users run it, and holds each way
// against the recorded outputs.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { WeightFormat } from '../base/manifest.ts';
import type { Runner } from '../base/runner.ts';
import { checkFit } from './fit.ts';
import { defaultGates, type DtypeGates, type Gates } from './gates.ts';
import { Ledger } from './ledger.ts';
import { modelOf, type Model } from '../base/model.ts';
import { rowsOf, type Golden, type GoldenPrompt, type Row } from './prompt.ts';
import { reportOf, type VerifyReport } from './report.ts';
import { chunked, decode } from './stage-cached.ts';
import { fullForward, lastToken } from './stage-full.ts';
import { greedy, type GreedyResult } from './stage-greedy.ts';
import { paddedChunks } from './stage-padded-chunks.ts';
import { paddedPair, pairs } from './stage-padded.ts';

export interface VerifyOptions {
  readonly gates?: Gates;
  /** Told what is run next; `prompt` is two names where rows are padded to each other. */
  readonly onStage?: (prompt: string, stage: string) => void;
}

/** Runs the stages of the task and evaluates the gates of the dtype. */
export async function verifyRunner(
  runner: Runner,
  golden: Golden,
  config: ModernBertDecoderConfig,
  task: Task,
  dtype: WeightFormat,
  { gates = defaultGates, onStage = () => undefined }: VerifyOptions = {},
): Promise<VerifyReport> {
  checkFit(golden, config, task);
  const model = modelOf(runner, config, task);
  const ledger = new Ledger(golden, gates);
  for (const prompt of golden.prompts) await runPrompt(model, ledger, prompt, config, onStage);
  const rows = golden.prompts.flatMap(rowsOf).filter((row) => canBePadded(row, task, config));
  for (const pair of pairs(rows)) {
    for (const side of ['left', 'right'] as const) {
      onStage(pair.map((row) => row.prompt.name).join(' + '), `padded-${side}`);
      await paddedPair(model, ledger, pair, side, config.padTokenId);
    }
  }
  // last, for its near ties are measured by the differences of the other stages
  const continuations: GreedyResult[] = [];
  for (const prompt of golden.prompts) {
    if (prompt.greedy === undefined) continue;
    onStage(prompt.name, 'greedy');
    const margin = marginOf(ledger, prompt.name, gates, gates.dtypes[dtype]);
    continuations.push(await greedy(model, prompt, prompt.greedy, margin));
  }
  const about = { runtime: runner.name, dtype, task };
  return reportOf(about, golden, ledger.results, continuations, gates.dtypes[dtype]);
}

async function runPrompt(
  model: Model,
  ledger: Ledger,
  prompt: GoldenPrompt,
  config: ModernBertDecoderConfig,
  onStage: (prompt: string, stage: string) => void,
): Promise<void> {
  onStage(prompt.name, 'full');
  await fullForward(model, ledger, prompt);
  if (model.task !== 'text-generation') return;
  onStage(prompt.name, 'last-token');
  await lastToken(model, ledger, prompt);
  onStage(prompt.name, 'decode');
  await decode(model, ledger, prompt);
  onStage(prompt.name, 'chunked');
  await chunked(model, ledger, prompt);
  onStage(prompt.name, 'padded-chunks');
  for (const side of ['left', 'right'] as const) {
    await paddedChunks(model, ledger, prompt, side, config);
  }
}

// A difference that its own gate refuses must not excuse a wrong token as well.
function marginOf(
  ledger: Ledger,
  prompt: string,
  gates: Gates,
  { difference }: DtypeGates,
): number {
  const allowed = (difference ?? Number.POSITIVE_INFINITY) * ledger.scaleOf(prompt);
  return gates.nearTieFactor * Math.min(ledger.worstOf(prompt), allowed);
}

// A row of pad tokens alone has no token that a classifier would pool wherever it stands.
function canBePadded({ ids }: Row, task: Task, { padTokenId }: ModernBertDecoderConfig): boolean {
  return task !== 'text-classification' || ids.some((id) => id !== BigInt(padTokenId));
}
