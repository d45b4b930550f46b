// The matrices that a node reads.

import type { Node } from '../../ir/graph.ts';
import { activate } from './plan-activation.ts';
import { type Draft, unsupported } from './plan-draft.ts';
import type { Rows } from './steps.ts';

/** The matrix that an input is, after activations that lead to it. */
export function input(draft: Draft, node: Node, index: number): string {
  const name = node.inputs[index] ?? '';
  if (draft.pending.has(name)) activate(draft, node, name);
  return (
    draft.matrix(name) ?? unsupported(node, 'an input is no matrix of a step', { input: name })
  );
}

export function rowsOf(draft: Draft, node: Node, name: string): Rows {
  return draft.rows.get(name) ?? unsupported(node, 'an input is no matrix of a step');
}
