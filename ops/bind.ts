// What every operator asks of a call: its inputs by name, its attributes, and rules among them.

import { ToolkitError } from '../src/base/errors.ts';
import { formatShape, type TensorType } from '../src/base/tensors.ts';
import type { AttributePort } from '../src/op.ts';
import type { Attributes } from '../src/ir/graph.ts';

/** The inputs of a call by the operator's names for them. */
export function bind<Name extends string, T, Optional extends string = never>(
  op: string,
  names: readonly Name[],
  inputs: readonly T[],
  optional: readonly Optional[] = [],
): Readonly<Record<Name, T> & Partial<Record<Optional, T>>> {
  const all = [...names, ...optional];
  if (inputs.length < names.length || inputs.length > all.length) {
    throw new ToolkitError('GRAPH_INVALID', `${op}: inputs must be ${all.join(', ')}`, {
      where: { got: inputs.length },
    });
  }
  const bound: Record<string, T> = {};
  for (const [i, input] of inputs.entries()) bound[all[i] ?? ''] = input;
  return bound as Record<Name, T> & Partial<Record<Optional, T>>;
}

/** A function that throws where a rule is broken, showing the types of the inputs named. */
export function checker<Name extends string>(
  op: string,
  inputs: Readonly<Partial<Record<Name, TensorType>>>,
): (holds: boolean, rule: string, ...names: readonly Name[]) => void {
  return (holds, rule, ...names) => {
    if (holds) return;
    const where = names.map((name) => {
      const type = inputs[name];
      return [name, type ? `${type.dtype} ${formatShape(type.shape)}` : 'none'] as const;
    });
    throw new ToolkitError('GRAPH_INVALID', `${op}: ${rule}`, {
      where: Object.fromEntries(where),
    });
  };
}

/** Throws where an attribute is missing or of another kind. */
export function checkAttributes(
  op: string,
  kinds: Readonly<Record<string, AttributePort['kind']>>,
  attributes: Attributes,
): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const found = attributes[name]?.kind ?? 'none';
    if (found !== kind) {
      throw new ToolkitError('GRAPH_INVALID', `${op}: attribute ${name} must be one ${kind}`, {
        where: { got: found },
      });
    }
  }
}

/** Types that the fused operators compute in. */
export function isHalfOrFloat({ dtype }: TensorType): boolean {
  return dtype === 'float32' || dtype === 'float16';
}
