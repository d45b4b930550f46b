// What is known about a value before anything runs: its type and, for small integer tensors, its
// entries. Entries carry shapes through shape arithmetic: Shape yields them, Reshape reads them.

import type { DType } from '../base/dtypes.ts';
import type { Dim, TensorType } from '../base/tensors.ts';
import { type Dims, ShapeError } from './dims.ts';
import type { Attribute, Node } from './graph.ts';

export interface Fact {
  readonly type: TensorType;
  /** Of a scalar or a list: numbers, names of dimensions, or null where unknown. */
  readonly entries?: readonly Dim[];
}

/** Types a node's outputs; `facts` holds undefined for an input that is left out. */
export type Rule = (node: Node, facts: readonly (Fact | undefined)[]) => readonly Fact[];

// Shapes are lists with a handful of entries; longer and wider tensors are data.
const maxEntries = 16;

export function fact(dtype: DType, shape: Dims, entries?: readonly Dim[]): Fact {
  const isShape = isInteger(dtype) && shape.length <= 1;
  const keep = entries !== undefined && isShape && entries.length <= maxEntries;
  return { type: { dtype, shape }, ...(keep && { entries }) };
}

export function isInteger(dtype: DType): boolean {
  return dtype === 'int64' || dtype === 'int32';
}

/** The fact of input `index`, which the operator needs. */
export function need(facts: readonly (Fact | undefined)[], index: number): Fact {
  const found = facts[index];
  if (!found) throw new ShapeError(`input ${index} is missing`);
  return found;
}

export function shapeOf(value: Fact): Dims {
  return value.type.shape;
}

/** Entries of a 1-D integer tensor: nulls where nothing more than the length is known. */
export function entriesOf(value: Fact): readonly Dim[] {
  if (value.entries) return value.entries;
  const length = value.type.shape.length === 0 ? 1 : value.type.shape[0];
  if (typeof length !== 'number') throw new ShapeError('a shape of unknown length');
  return Array.from({ length }, () => null);
}

export function intOf(node: Node, name: string, otherwise?: number): number {
  const attribute: Attribute | undefined = node.attributes[name];
  if (attribute?.kind === 'int') return attribute.value;
  if (attribute === undefined && otherwise !== undefined) return otherwise;
  throw new ShapeError(`attribute ${name} must be an integer`);
}

export function intsOf(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

/** That all given inputs have one dtype. */
export function sameDType(facts: readonly (Fact | undefined)[]): DType {
  const dtypes = new Set(facts.flatMap((value) => (value ? [value.type.dtype] : [])));
  const [dtype] = dtypes;
  if (dtype === undefined || dtypes.size > 1) {
    throw new ShapeError(`dtypes must be equal, not ${[...dtypes].join(' and ')}`);
  }
  return dtype;
}
