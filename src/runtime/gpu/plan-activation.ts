// Recognizes an activation that stands between a product and the next step as standard nodes, and
// makes it the product's epilogue. Both sides are written as one formula of x, and the formulas
// compared: the table of activations says what nodes each is made of.

import { activations } from '../../../ops/activations.ts';
import { constant, tensor } from '../../ir/attributes.ts';
import { Builder } from '../../ir/builder.ts';
import type { Attribute, Node } from '../../ir/graph.ts';
import { type Draft, unsupported } from './plan-draft.ts';

/** Makes the pending value `name`, which `reader` reads, the product's activated output. */
export function activate(draft: Draft, reader: Node, name: string): void {
  const used = new Set<string>();
  const products = new Set<string>();
  const text = formula(
    name,
    draft.pending,
    (leaf) => {
      const matrix = draft.matrix(leaf);
      if (matrix === undefined) return leaf;
      products.add(matrix);
      return 'x';
    },
    used,
  );
  const [output, ...others] = products;
  const step = draft.steps.find((each) => each.output === output);
  const activation = formulas().get(text);
  const node = draft.pending.get(name) ?? reader;
  if (
    step?.kind !== 'product' ||
    others.length > 0 ||
    activation === undefined ||
    step.activation !== undefined ||
    step.residual !== undefined
  ) {
    unsupported(node, 'the nodes are no activation of a product', { formula: text.slice(0, 80) });
  }
  for (const each of used) draft.pending.delete(each);
  const rows = draft.rows.get(step.output);
  const activated = { ...step, activation, output: name };
  if (rows) draft.replace(step.output, activated, draft.keptAs(rows, name));
}

let known: ReadonlyMap<string, string> | undefined;

/** The activations by their formulas. */
function formulas(): ReadonlyMap<string, string> {
  known ??= new Map(
    [...activations].flatMap(([name, activation]) =>
      (['node', 'formula'] as const).flatMap((gelu): [string, string][] => {
        const b = new Builder();
        const result = activation.nodes(b, 'x', { gelu });
        return [b.nodes, b.nodes.map(inHalf)].map((each) => {
          const nodes = new Map(each.map((node) => [node.outputs[0] ?? '', node]));
          return [formula(result, nodes, (leaf) => leaf, new Set()), name];
        });
      }),
    ),
  );
  return known;
}

/** A node whose constants are halves, as they are in models of halves. */
function inHalf(node: Node): Node {
  const value = node.attributes['value'];
  if (value?.kind !== 'tensor') return node;
  const { values, shape } = value.value;
  return { ...node, attributes: { value: tensor(constant('float16', values, shape)) } };
}

/** A value as a formula of what no node makes; notes which nodes it is made of. */
function formula(
  name: string,
  nodes: ReadonlyMap<string, Node>,
  leaf: (name: string) => string,
  used: Set<string>,
): string {
  const node = nodes.get(name);
  if (node === undefined) return leaf(name);
  used.add(name);
  const inputs = node.inputs.map((input) => formula(input, nodes, leaf, used));
  if (node.op === 'CastLike') return inputs[0] ?? '';
  const attributes = Object.entries(node.attributes).map(
    ([key, attribute]) => `${key}=${textOf(attribute)}`,
  );
  return `${node.op}<${attributes.toSorted().join()}>(${inputs.join()})`;
}

function textOf(attribute: Attribute): string {
  return attribute.kind === 'tensor' ? attribute.value.values.join(' ') : JSON.stringify(attribute);
}
