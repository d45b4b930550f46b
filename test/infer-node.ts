// Types one node, written and read as short texts: `float32 batch×4`.

import type { DType } from '../src/base/dtypes.ts';
import type { Dim, TensorType } from '../src/base/tensors.ts';
import { fact, type Fact } from '../src/ir/facts.ts';
import { type Attributes, contribDomain, type Node } from '../src/ir/graph.ts';
import { type FusedRule, inferNodes } from '../src/ir/infer.ts';
import { printType } from '../src/ir/print.ts';
import { must } from './must.ts';

/**
 * An input: a type, an int64 constant (one number is a scalar), an int64 list with entries that may
 * be names, or null where it is left out.
 */
export type InputText = string | number | readonly Dim[] | null;

export interface NodeText {
  readonly op: string;
  readonly inputs: readonly InputText[];
  readonly attributes?: Attributes;
  /** How many outputs the node has. */
  readonly outputs?: number;
  readonly contrib?: boolean;
}

const noFused: ReadonlyMap<string, FusedRule> = new Map();

/** The facts of a node's outputs. */
function inferNode({
  op,
  inputs,
  attributes = {},
  outputs = 1,
  contrib = false,
}: NodeText): readonly Fact[] {
  const node: Node = {
    domain: contrib ? contribDomain : '',
    op,
    inputs: inputs.map((input, i) => (input === null ? '' : `in${i}`)),
    outputs: Array.from({ length: outputs }, (_, i) => `out${i}`),
    attributes,
  };
  const given = inputs.flatMap((input, i) =>
    input === null ? [] : [[`in${i}`, factOf(input)] as const],
  );
  const facts = inferNodes([node], new Map(given), { fused: noFused, where: 'test' });
  return node.outputs.map((name) => must(facts.get(name), name));
}

/** What is known of a node's outputs, as text: the type, and entries where they are known. */
export function inferText(node: NodeText): string {
  return inferNode(node).map(printFact).join('; ');
}

function printFact({ type, entries }: Fact): string {
  const list = entries?.map((entry) => entry ?? '?').join(', ');
  return printType(type) + (list === undefined ? '' : ` = [${list}]`);
}

function factOf(input: NonNullable<InputText>): Fact {
  if (typeof input === 'string') {
    const { dtype, shape } = typeOf(input);
    return fact(dtype, shape);
  }
  if (typeof input === 'number') return fact('int64', [], [input]);
  return fact('int64', [input.length], input);
}

/** The type that a text means. */
export function typeOf(text: string): TensorType {
  const [dtype = '', dims = 'scalar'] = text.split(' ');
  const shape = dims === 'scalar' ? [] : dims.split('×').map(dimOf);
  return { dtype: dtype as DType, shape };
}

function dimOf(text: string): Dim {
  if (text === '?') return null;
  return /^\d+$/.test(text) ? Number(text) : text;
}
