// Finds the cheapest choice of raised units whose measured cost meets a target. What the units cost
// alone adds up roughly only, so a budget for that sum is moved until the whole, measured, fits.

import { cheapest, type UnitCost } from './cheapest.ts';

export interface TargetSearch<Found> {
  readonly target: number;
  /** Measured with no unit raised, which is beyond the target, and with all raised, which is not. */
  readonly none: Found;
  readonly all: Found;
  /** What is held against the target. */
  readonly costOf: (found: Found) => number;
  readonly measure: (raised: readonly boolean[]) => Promise<Found>;
}

export interface Met<Found> {
  readonly raised: readonly boolean[];
  readonly found: Found;
}

/** Measurements beyond which the best choice so far is good enough. */
export const maxMeasurements = 8;

/** Budgets nearer to each other than this part are one. */
const nearest = 0.01;

/** Searches between none and all. */
export async function meetTarget<Found>(
  units: readonly UnitCost[],
  { target, none, all, costOf, measure }: TargetSearch<Found>,
): Promise<Met<Found>> {
  const sumOf = (raised: readonly boolean[]): number =>
    units.reduce((sum, { kl }, i) => sum + (raised[i] === true || kl === Infinity ? 0 : kl), 0);
  const sum = sumOf([]);
  let best: Met<Found> = { raised: units.map(() => true), found: all };
  let beyond = units.map(() => false).join();
  let [low, high] = [0, sum];
  const floor = costOf(all);
  /** The budget that meets the target if cost grows with the sum as it did for a choice. */
  const guess = (cost: number, added: number): number =>
    ((target - floor) / (cost - floor)) * added;
  let budget = guess(costOf(none), sum);
  for (let measured = 0; measured < maxMeasurements && high - low > nearest * high;) {
    // a budget at an end of what is possible says nothing new
    if (!(budget > low && budget < high)) budget = (low + high) / 2;
    const raised = cheapest(units, budget);
    const key = raised.join();
    if (key === best.raised.join()) low = budget;
    else if (key === beyond) high = budget;
    else {
      const found = await measure(raised);
      const cost = costOf(found);
      measured++;
      const tried = budget;
      if (cost <= target) {
        best = { raised, found };
        low = tried;
      } else {
        beyond = key;
        high = tried;
      }
      budget = guess(cost, sumOf(raised));
      continue;
    }
    budget = (low + high) / 2;
  }
  return best;
}
