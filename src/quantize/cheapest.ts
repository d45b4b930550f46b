// Which units of a model to raise to a larger format, so that what the others cost in quality stays
// within a budget: the fewest bytes, found exactly but for how finely costs are counted.

export interface UnitCost {
  /** What leaving the unit as it is costs in quality. */
  readonly kl: number;
  /** What raising it takes. */
  readonly bytes: number;
}

/** Steps that a budget is counted in; each unit's cost is rounded up to one. */
const steps = 4096;

/** For each unit whether it is raised. Costs add up. */
export function cheapest(units: readonly UnitCost[], budget: number): readonly boolean[] {
  // most bytes that are saved with so many steps, and which units save them
  let saved = new Float64Array(steps + 1);
  const left = units.map(({ kl, bytes }) => {
    const cost = kl === 0 ? 0 : Math.ceil((kl / budget) * steps);
    const taken = new Uint8Array(steps + 1);
    if (!(cost <= steps)) return { cost, taken };
    const next = saved.slice();
    for (let at = cost; at <= steps; at++) {
      const value = (saved[at - cost] ?? 0) + bytes;
      if (value <= (saved[at] ?? 0)) continue;
      next[at] = value;
      taken[at] = 1;
    }
    saved = next;
    return { cost, taken };
  });
  const raised = units.map(() => true);
  let at = steps;
  for (const [back, { cost, taken }] of left.toReversed().entries()) {
    if (taken[at] !== 1) continue;
    raised[left.length - 1 - back] = false;
    at -= cost;
  }
  return raised;
}
