// A block's turn: its scale is the one with the least loss of the whole procedure within the block,
// (Σ of the squared errors, each as far as no later column can make up for it).

import { halfTable, toHalf } from '../base/half.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { compensationKernels } from '../simd/kernels.ts';
import type { Fit } from './fit.ts';

/** Scales that are tried, as parts of the one that fits best. */
const factors = {
  4: [0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15],
  8: [0.98, 0.99, 1.01],
} as const;

/** Moves of the zero point that are tried around the best one, and scales with each. */
const moves: readonly number[] = [-1, 1];
const movedFactors: readonly number[] = [0.95, 1, 1.05];

/** Scales that are tried at last. */
const lastFactors: readonly number[] = [0.975, 1.025];

/** Candidates that are tried side by side. */
const together = 4;

/** Where a block and what becomes of it lies in the kernels' memory, in bytes. */
export interface BlockPlace {
  /** The block's part of the factor, doubles [length, length]. */
  readonly factor: number;
  /** Room for what candidates are. */
  readonly fits: number;
  /** Of four candidates at each column, doubles. */
  readonly codes: number; // [length, 4]
  readonly errors: number; // [length, 4]; the losses [4] come behind
  readonly length: number;
}

/** Bytes that `BlockPlace` needs behind the factor. */
export function blockRoom(length: number): number {
  return 128 + 2 * 32 * length + 32;
}

/** The fit with the least loss, for the block that begins at `row`; its codes and errors are left. */
export function roundBlock(
  row: number,
  fitted: Fit,
  { bits, symmetric }: BlockScheme,
  flows: boolean,
  place: BlockPlace,
): Fit {
  const most = 2 ** bits - 1;
  let best = candidate(fitted.scale, fitted.zero);
  if (flows && best.scale !== 0) {
    let loss = Number.NaN;
    const consider = (all: readonly Fit[]): void => {
      for (let from = 0; from < all.length; from += together) {
        const some = all.slice(from, from + together);
        const losses = tryFits(row, some, most, place);
        for (const [i, fit] of some.entries()) {
          const found = losses[i] ?? 0;
          if (found < loss || (fit === best && Number.isNaN(loss))) [best, loss] = [fit, found];
        }
      }
    };
    const { scale, zero } = best;
    consider([best, ...factors[bits].map((factor) => candidate(scale * factor, zero))]);
    if (!symmetric) {
      const chosen = best;
      const moved = moves.filter((move) => zero + move >= 0 && zero + move <= most);
      consider(
        moved.flatMap((move) =>
          movedFactors.map((factor) => candidate(chosen.scale * factor, zero + move)),
        ),
      );
    }
    const last = best;
    consider(lastFactors.map((factor) => candidate(last.scale * factor, last.zero)));
  }
  tryFits(row, [best], most, place);
  return best;
}

/** The losses of four candidates at most. */
function tryFits(
  row: number,
  all: readonly Fit[],
  most: number,
  { factor, fits, codes, errors, length }: BlockPlace,
): Float64Array {
  const { room, tryFour } = compensationKernels();
  const memory = room(0);
  const values = new Float64Array(memory, fits, 4 * together);
  for (let i = 0; i < together; i++) {
    const { scale, zero } = all[i] ?? { scale: 0, zero: 0 };
    values[i] = scale === 0 ? 0 : 1 / scale;
    values[i + together] = scale;
    values[i + 2 * together] = -zero;
    values[i + 3 * together] = most - zero;
  }
  tryFour(row, length, factor, fits, codes, errors);
  return new Float64Array(memory, errors + 32 * length, together);
}

/** A fit as it can be kept: its scale is a half. */
function candidate(scale: number, zero: number): Fit {
  return { scale: halfTable()[toHalf(scale)] ?? Number.NaN, zero };
}
