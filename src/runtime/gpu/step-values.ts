// Which matrices a step reads, and which it makes.

import type { Step } from './steps.ts';

export function readBy(step: Step): readonly string[] {
  switch (step.kind) {
    case 'embed':
      return [];
    case 'attention':
      return [step.qkv];
    case 'product':
      return step.residual === undefined ? [step.x] : [step.x, step.residual];
    case 'skip-norm':
      return [step.x, step.skip];
    default:
      return [step.x];
  }
}

export function madeBy(step: Step): readonly string[] {
  return step.kind === 'skip-norm' ? [step.output, step.sum] : [step.output];
}

/** A matrix that a step reads before a step makes it; undefined where the order is sound. */
export function readTooEarly(steps: readonly Step[]): string | undefined {
  const made = new Set<string>();
  for (const step of steps) {
    const early = readBy(step).find((name) => !made.has(name));
    if (early !== undefined) return early;
    for (const name of madeBy(step)) made.add(name);
  }
  return undefined;
}
