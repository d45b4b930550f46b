// What a verification found: plain data, for JSON and for the two printed forms.

import type { Task } from '../base/config.ts';
import type { WeightFormat } from '../base/manifest.ts';
import { evaluate, gate, type Check, type DtypeGates, type StageResult } from './gates.ts';
import type { Metrics } from './metrics.ts';
import type { Golden, GoldenPrompt } from './prompt.ts';
import type { GreedyResult } from './stage-greedy.ts';

export type Verdict = 'pass' | 'fail';

export interface PromptReport {
  readonly name: string;
  readonly rows: number;
  /** Real tokens. */
  readonly tokens: number;
  readonly stages: readonly { readonly stage: string; readonly metrics: Metrics }[];
  readonly greedy?: GreedyResult;
  /** Fails where one of the prompt's checks does. */
  readonly verdict: Verdict;
}

export interface VerifyReport {
  /** `onnxruntime 1.30.0 (cpu)`. */
  readonly runtime: string;
  readonly dtype: WeightFormat;
  readonly task: Task;
  /** What recorded the golden. */
  readonly recorded: Readonly<Record<string, string>>;
  readonly verdict: Verdict;
  readonly prompts: readonly PromptReport[];
  readonly checks: readonly Check[];
  /** Worst figure over prompts and stages, by name. A value that is not finite is null in JSON. */
  readonly figures: Readonly<Record<string, number>>;
  /** Where the largest difference relative to its prompt's scale is. */
  readonly worst: { readonly prompt: string; readonly stage: string; readonly metrics: Metrics };
}

/** Puts measurements and gates together. */
export function reportOf(
  about: Pick<VerifyReport, 'runtime' | 'dtype' | 'task'>,
  golden: Golden,
  results: readonly StageResult[],
  continuations: readonly GreedyResult[],
  gates: DtypeGates,
): VerifyReport {
  const checks = [
    ...evaluate(results, gates),
    ...continuations.flatMap((result) => greedyChecks(result, gates)),
  ];
  return {
    ...about,
    recorded: Object.fromEntries(golden.metadata),
    verdict: verdictOf(checks),
    prompts: golden.prompts.map((prompt) => promptReport(prompt, results, continuations, checks)),
    checks,
    figures: figuresOf(results, continuations),
    worst: worstOf(results),
  };
}

/** The result with the largest difference for its scale. */
export function worstOf<T extends { readonly metrics: Metrics }>(results: readonly T[]): T {
  const relative = ({ metrics }: T): number => metrics.maxDifference / metrics.scale;
  return results.reduce((worst, result) => (relative(result) > relative(worst) ? result : worst));
}

function verdictOf(checks: readonly Check[]): Verdict {
  return checks.some(({ status }) => status === 'fail') ? 'fail' : 'pass';
}

function promptReport(
  { name, attentionMask }: GoldenPrompt,
  results: readonly StageResult[],
  continuations: readonly GreedyResult[],
  checks: readonly Check[],
): PromptReport {
  const greedy = continuations.find(({ prompt }) => prompt === name);
  return {
    name,
    rows: attentionMask.shape[0] ?? 0,
    tokens: attentionMask.data.filter((bit) => bit === 1n).length,
    stages: results
      .filter(({ prompt }) => prompt === name)
      .map(({ stage, metrics }) => ({ stage, metrics })),
    ...(greedy !== undefined && { greedy }),
    verdict: verdictOf(checks.filter(({ prompt }) => prompt === name)),
  };
}

/** The gate where the dtype has one, and what there is to know about rows that ended early. */
function greedyChecks(result: GreedyResult, gates: DtypeGates): readonly Check[] {
  const { prompt, compared, agreed, ends } = result;
  const value = compared === 0 ? 1 : agreed / compared;
  const where = `${agreed} of ${compared} tokens agree`;
  const at = { prompt, stage: 'greedy', value, where };
  const held = gate(gates, 'greedy', at);
  const info = ends
    .filter(({ nearTie }) => nearTie || held.length === 0)
    .map(({ row, step, chosen, expected, gap, nearTie }): Check => ({
      id: `${prompt}/greedy/row-${row}`,
      prompt,
      stage: 'greedy',
      status: 'info',
      metric: 'greedy-gap',
      value: gap,
      where:
        `row ${row}, step ${step}: token ${chosen} instead of ${expected}` +
        (nearTie ? ', a near tie' : ''),
    }));
  return [...held, ...info];
}

function figuresOf(
  results: readonly StageResult[],
  continuations: readonly GreedyResult[],
): Readonly<Record<string, number>> {
  const metrics = results.map((result) => result.metrics);
  const kls = metrics.flatMap(({ kl }) => (kl === undefined ? [] : [kl]));
  const choices = metrics.flatMap(({ top1 }) =>
    top1 === undefined || top1.decided === 0 ? [] : [top1.agreed / top1.decided],
  );
  const tokens = continuations.reduce((sum, { compared }) => sum + compared, 0);
  const agreed = continuations.reduce((sum, result) => sum + result.agreed, 0);
  return {
    maxDifference: largest(metrics.map(({ maxDifference }) => maxDifference)),
    maxRelativeDifference: largest(metrics.map((of) => of.maxDifference / of.scale)),
    meanDifference: largest(metrics.map(({ meanDifference }) => meanDifference)),
    ...(kls.length > 0 && {
      meanKl: largest(kls.map(({ mean }) => mean)),
      maxKl: largest(kls.map(({ max }) => max)),
    }),
    ...(choices.length > 0 && { top1: Math.min(...choices) }),
    ...(tokens > 0 && { greedy: agreed / tokens }),
  };
}

function largest(values: readonly number[]): number {
  return Math.max(0, ...values);
}
