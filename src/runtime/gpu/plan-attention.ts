// FusedAttention → attention over slots that all layers share, each layer with a cache of its own.

import type { Node } from '../../ir/graph.ts';
import { type Draft, numberIn, unsupported } from './plan-draft.ts';
import { input, rowsOf } from './plan-inputs.ts';
import { floatInitializer } from './plan-products.ts';
import type { Attention } from './steps.ts';

/** Adds an attention, and the cache that is its own. */
export function attention(draft: Draft, node: Node): void {
  const qkv = input(draft, node, 0);
  const [, pastKey = '', pastValue = '', lasts = '', total = ''] = node.inputs;
  const [output = '', presentKey = '', presentValue = ''] = node.outputs;
  const before = rowsOf(draft, node, qkv);
  const width = before.width / 3;
  const type = draft.types.get(node.inputs[0] ?? '')?.dtype ?? before.dtype;
  if (type !== before.dtype) unsupported(node, 'attention reads what a product makes in its type');
  const { heads, headDim, window, scale } = shapeOf(node, width);
  same(draft, node, 'lasts', lasts);
  same(draft, node, 'total', total);
  const [cos, sin] = [rotaryTable(draft, node, 5, headDim), rotaryTable(draft, node, 6, headDim)];
  const inputs = new Set(draft.graph.inputs.map(({ name }) => name));
  const names = { past: [pastKey, pastValue], present: [presentKey, presentValue] } as const;
  const layer = draft.layers.length;
  draft.layers.push({ width, window, heads, headDim, ...(inputs.has(pastKey) && { names }) });
  draft.add(
    { kind: 'attention', layer, qkv, heads, headDim, scale, window, cos, sin, output },
    { ...before, width },
  );
}

type Shape = Pick<Attention, 'heads' | 'headDim' | 'window' | 'scale'>;

function shapeOf(node: Node, width: number): Shape {
  const heads = numberIn(node, 'num_heads');
  const headDim = width / heads;
  if (!Number.isInteger(headDim) || headDim % 8 !== 0 || headDim > 128) {
    unsupported(node, 'the size of a head is a multiple of 8 up to 128', { headDim });
  }
  const window = numberIn(node, 'window');
  if (window === 0) unsupported(node, 'a window has keys', { window });
  return { heads, headDim, window, scale: numberIn(node, 'scale') };
}

/** A table of half a head for each position; there are as many positions as the shortest has. */
function rotaryTable(draft: Draft, node: Node, index: number, headDim: number): string {
  const name = floatInitializer(draft, node, index);
  const shape = draft.initializers.get(name)?.type.shape ?? [];
  const [positions = 0, half] = shape;
  if (shape.length !== 2 || half !== headDim / 2) {
    unsupported(node, 'a rotary table has half a head in a row', { input: name });
  }
  draft.positions = Math.min(draft.positions, positions);
  return name;
}

/** One value serves every node of the graph. */
function same(draft: Draft, node: Node, port: 'lasts' | 'total', name: string): void {
  const known = draft.ports[port] ?? name;
  if (known !== name) unsupported(node, 'all layers attend to the same slots', { input: name });
  draft.ports[port] = known;
}
