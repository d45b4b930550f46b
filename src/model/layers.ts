// Linear layers and norms: the nodes and the recipes of their weights.
//
// PyTorch keeps a linear layer as [out, in]; MatMul reads [in, out]. Weights are transposed once,
// while they are written.

import { float, int } from '../ir/attributes.ts';
import type { Builder } from '../ir/builder.ts';
import type { Initializer } from '../ir/graph.ts';

export interface Linear {
  /** Modules of the checkpoint, stacked on the output axis. */
  readonly modules: readonly string[];
  /** Name in the graph, in front of `.weight` and `.bias`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

/** x · Wᵀ + bias: one node, or two with a bias. */
export function linear(b: Builder, x: string, layer: Linear, as: string): string {
  const { modules, name, inputs, outputs, bias } = layer;
  const weight = b.initializer({
    name: `${name}.weight`,
    type: { dtype: 'float32', shape: [inputs, outputs] },
    recipe: { kind: 'weight', tensors: modules.map((m) => `${m}.weight`), transpose: true },
  });
  if (!bias) return b.op('MatMul', [x, weight], { as });
  const added = b.initializer({
    name: `${name}.bias`,
    type: { dtype: 'float32', shape: [outputs] },
    recipe: { kind: 'weight', tensors: modules.map((m) => `${m}.bias`), transpose: false },
  });
  return b.op('Add', [b.op('MatMul', [x, weight], { as: `${as}.product` }), added], { as });
}

/** A tensor of the checkpoint as it is. */
export function storedWeight(
  name: string,
  shape: readonly number[],
  graphName: string,
): Initializer {
  return {
    name: graphName,
    type: { dtype: 'float32', shape },
    recipe: { kind: 'weight', tensors: [name], transpose: false },
  };
}

export interface Norm {
  readonly module: string;
  readonly name: string;
  readonly width: number;
  readonly bias: boolean;
  readonly epsilon: number;
}

/** Scale, and bias where there is one. */
export function normWeights(b: Builder, norm: Norm): readonly string[] {
  const parts = norm.bias ? ['weight', 'bias'] : ['weight'];
  return parts.map((part) =>
    b.initializer(storedWeight(`${norm.module}.${part}`, [norm.width], `${norm.name}.${part}`)),
  );
}

export function layerNorm(b: Builder, x: string, norm: Norm, as: string): string {
  return b.op('LayerNormalization', [x, ...normWeights(b, norm)], {
    as,
    attributes: { axis: int(-1), epsilon: float(norm.epsilon) },
  });
}
