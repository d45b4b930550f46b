// What the runtime knows of a standard operator. A kernel lists the attributes it reads: a node with
// another one means something that the kernel would miss, so it is refused before anything runs.

import { ShapeError } from '../../ir/dims.ts';
import type { Node } from '../../ir/graph.ts';
import type { Value } from './value.ts';

/** A node's outputs from its inputs; an input that is left out is undefined. */
export type Compute = (inputs: readonly (Value | undefined)[], node: Node) => readonly Value[];

export interface Kernel {
  readonly attributes: readonly string[];
  readonly compute: Compute;
}

/** Kernels by the operator's name. */
export type Kernels = Readonly<Record<string, Kernel>>;

/** A kernel of one output. */
export function kernel(
  attributes: readonly string[],
  compute: (inputs: readonly (Value | undefined)[], node: Node) => Value,
): Kernel {
  return { attributes, compute: (inputs, node) => [compute(inputs, node)] };
}

/** Input `index`, which the operator needs. */
export function need(inputs: readonly (Value | undefined)[], index: number): Value {
  const found = inputs[index];
  if (!found) throw new ShapeError(`input ${index} is missing`);
  return found;
}

/** A float attribute, or the value it has when it is left out. */
export function floatOf({ attributes }: Node, name: string, otherwise: number): number {
  const attribute = attributes[name];
  if (attribute === undefined) return otherwise;
  if (attribute.kind !== 'float') throw new ShapeError(`attribute ${name} must be a float`);
  return attribute.value;
}
