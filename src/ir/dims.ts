// Dimensions that may be sizes, names or unknown, and what follows when two of them meet.

import type { Dim } from '../base/tensors.ts';

export type Dims = readonly Dim[];

/** A rule that types must keep was broken; the checker says at which node. */
export class ShapeError extends Error {}

/** The size of an axis where two tensors are broadcast against each other. */
function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number' && typeof b === 'number') {
    throw new ShapeError(`${a} and ${b} do not broadcast`);
  }
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  return null; // two names, or a name and nothing: one of them may be 1
}

export function broadcast(a: Dims, b: Dims): Dims {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) =>
    broadcastDim(dimFromEnd(a, rank - axis), dimFromEnd(b, rank - axis)),
  );
}

/** What two statements about one axis say together; `what` names them in the error. */
export function mergeDim(a: Dim, b: Dim, what: string): Dim {
  if (a === b || b === null) return a;
  if (a === null) return b;
  if (typeof a === 'number' && typeof b === 'number') {
    throw new ShapeError(`${what}: ${a} is not ${b}`);
  }
  return typeof a === 'number' ? a : b;
}

/** What two statements about one shape say together; of two names the second stays. */
export function mergeDims(a: Dims, b: Dims, what: string): Dims {
  if (a.length !== b.length) throw new ShapeError(`${what}: rank ${a.length} is not ${b.length}`);
  return a.map((dim, axis) => mergeDim(dim, b[axis] ?? null, what));
}

/** Whether two shapes can be the same. */
export function compatible(a: Dims, b: Dims): boolean {
  return (
    a.length === b.length &&
    a.every((dim, axis) => {
      const other = b[axis] ?? null;
      return typeof dim !== 'number' || typeof other !== 'number' || dim === other;
    })
  );
}

/** The product, where every size is known. */
export function product(dims: Dims): Dim {
  return dims.reduce<Dim>((total, dim) => {
    if (total === 0 || dim === 0) return 0;
    if (total === 1) return dim;
    if (dim === 1) return total;
    return typeof total === 'number' && typeof dim === 'number' ? total * dim : null;
  }, 1);
}

/** An axis counted from either end, as one from the front. */
export function axisOf(axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank) throw new ShapeError(`axis ${axis} of rank ${rank}`);
  return front;
}

function dimFromEnd(dims: Dims, fromEnd: number): Dim {
  return fromEnd > dims.length ? 1 : (dims[dims.length - fromEnd] ?? null);
}
