// Gates: how far a file may be from its golden, by dtype. The values are data, golden/gates.json;
// this file says what each gate measures.

import data from '../../golden/gates.json' with { type: 'json' };
import { ToolkitError } from '../base/errors.ts';
import type { WeightFormat } from '../base/manifest.ts';
import type { Metrics, Top1 } from './metrics.ts';

/** Names of gates, and what each bounds. */
const gateRules = {
  difference: { holds: 'at most', says: 'largest difference of logits, per largest logit' },
  features: { holds: 'at most', says: 'largest difference of features, per largest value' },
  kl: { holds: 'at most', says: 'mean KL divergence' },
  top1: { holds: 'at least', says: 'first choices that agree, near ties left out' },
  greedy: { holds: 'at least', says: 'greedy tokens that agree, up to a near tie' },
} as const;

export type GateName = keyof typeof gateRules;

/** Thresholds of one dtype; what has none is not gated. */
export type DtypeGates = Readonly<Partial<Record<GateName, number>>>;

export interface Gates {
  /** The least that a prompt's largest logit counts as: tiny logits would make noise look large. */
  readonly scaleFloor: number;
  /** A near tie is closer than this many times the measured difference. */
  readonly nearTieFactor: number;
  readonly dtypes: Readonly<Record<WeightFormat, DtypeGates>>;
}

export const defaultGates: Gates = data;

/** One figure held against its threshold. */
export interface Check {
  /** `<prompt>/<stage>/<metric>`; the prompt is `all` where a figure covers them all. */
  readonly id: string;
  readonly prompt: string;
  readonly stage: string;
  readonly status: 'pass' | 'fail' | 'info';
  readonly metric: string;
  readonly value: number;
  readonly threshold?: number;
  /** Row, token and index of the worst value, or another note. */
  readonly where: string;
}

/** What a stage measured on a prompt. */
export interface StageResult {
  readonly prompt: string;
  readonly stage: string;
  readonly metrics: Metrics;
}

/** Holds stages against the gates of a dtype. */
export function evaluate(results: readonly StageResult[], gates: DtypeGates): readonly Check[] {
  return [
    ...results.flatMap((result) => stageChecks(result, gates)),
    ...top1Checks(results, gates),
  ];
}

/** One figure against one gate; no check where the dtype has none. */
export function gate(
  gates: DtypeGates,
  name: GateName,
  at: Pick<Check, 'prompt' | 'stage' | 'value' | 'where'>,
): readonly Check[] {
  const threshold = gates[name];
  if (threshold === undefined) return [];
  // written so that a value that is not a number fails
  const passes =
    gateRules[name].holds === 'at most' ? at.value <= threshold : at.value >= threshold;
  const id = `${at.prompt}/${at.stage}/${name}`;
  return [{ id, ...at, status: passes ? 'pass' : 'fail', metric: name, threshold }];
}

function stageChecks({ prompt, stage, metrics }: StageResult, gates: DtypeGates): readonly Check[] {
  const { maxDifference, scale, kl, worst } = metrics;
  const where = `row ${worst.row}, token ${worst.position}, index ${worst.index}`;
  const name = kl === undefined ? 'features' : 'difference';
  return [
    ...gate(gates, name, { prompt, stage, value: maxDifference / scale, where }),
    ...(kl === undefined ? [] : gate(gates, 'kl', { prompt, stage, value: kl.mean, where })),
  ];
}

// Over all prompts: one flipped choice of a five-token prompt is already twenty per cent.
function top1Checks(results: readonly StageResult[], gates: DtypeGates): readonly Check[] {
  const stages = new Map<string, Top1[]>();
  for (const { stage, metrics } of results) {
    if (metrics.top1 === undefined) continue;
    stages.set(stage, [...(stages.get(stage) ?? []), metrics.top1]);
  }
  return [...stages].flatMap(([stage, counts]) => {
    const { agreed, decided, nearTies } = sumTop1(counts);
    if (decided === 0) return [];
    const where = `${agreed} of ${decided} agree, ${nearTies} near ties left out`;
    return gate(gates, 'top1', { prompt: 'all', stage, value: agreed / decided, where });
  });
}

/** Counts of several comparisons together. */
export function sumTop1(counts: readonly Top1[]): Top1 {
  return counts.reduce(
    (sum, { agreed, decided, nearTies }) => ({
      agreed: sum.agreed + agreed,
      decided: sum.decided + decided,
      nearTies: sum.nearTies + nearTies,
    }),
    { agreed: 0, decided: 0, nearTies: 0 },
  );
}

export interface GateOverride {
  readonly name: GateName;
  readonly value: number;
}

/** Parses `kl=0.05`. */
export function parseGate(text: string): GateOverride {
  const [, name = '', digits = ''] = /^([^=]*)=(.+)$/.exec(text) ?? [];
  const value = Number(digits);
  if (!isGateName(name) || digits.trim() === '' || !isThreshold(name, value)) {
    throw new ToolkitError('USAGE', 'a gate is a name and a number', {
      where: { gate: text },
      fix: `write one of ${Object.keys(gateRules).join(', ')} and a value, as in kl=0.05`,
    });
  }
  return { name, value };
}

// What is held at least is a share.
function isThreshold(name: GateName, value: number): boolean {
  return value >= 0 && value <= (gateRules[name].holds === 'at least' ? 1 : Number.MAX_VALUE);
}

function isGateName(text: string): text is GateName {
  return Object.hasOwn(gateRules, text);
}

/**
 * Gates with the stricter of each pair. An override that makes no gate of these dtypes stricter is
 * refused: nobody should believe that they loosened, or tightened, what stayed as it was.
 */
export function tighten(
  gates: Gates,
  overrides: readonly GateOverride[],
  dtypes: readonly WeightFormat[],
): Gates {
  const tightened = { ...gates.dtypes };
  for (const { name, value } of overrides) {
    const stricter = dtypes.filter((dtype) => isStricter(name, value, tightened[dtype][name]));
    if (stricter.length === 0) {
      throw new ToolkitError('USAGE', 'a gate can only be made stricter', {
        where: {
          gate: `${name}=${value}`,
          ...Object.fromEntries(dtypes.map((dtype) => [dtype, tightened[dtype][name] ?? 'none'])),
        },
      });
    }
    for (const dtype of stricter) tightened[dtype] = { ...tightened[dtype], [name]: value };
  }
  return { ...gates, dtypes: tightened };
}

function isStricter(name: GateName, value: number, current: number | undefined): boolean {
  if (current === undefined) return true;
  return gateRules[name].holds === 'at most' ? value < current : value > current;
}
