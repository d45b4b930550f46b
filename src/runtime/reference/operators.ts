// What each node of a graph is computed by: a standard operator's kernel, or a fused operator's own
// reference. The bodies that a file gives the fused operators are not looked at.

import { ops } from '../../../ops/index.ts';
import { ToolkitError } from '../../base/errors.ts';
import { contribDomain, fusedDomain, type Node } from '../../ir/graph.ts';
import type { OpDef } from '../../op.ts';
import { activationKernels } from './activate.ts';
import { arithmeticKernels } from './arithmetic.ts';
import { gatherKernels } from './gather.ts';
import { type Compute, type Kernel, type Kernels, need } from './kernel.ts';
import { linearKernels } from './linear.ts';
import { blockKernels, dequantizeKernels } from './quantized.ts';
import { reduceKernels } from './reduce.ts';
import { shapeKernels } from './shape.ts';

/** The standard operators by name, as ONNX defines them in opset 21 to 24. */
const standardKernels: Kernels = {
  ...activationKernels,
  ...arithmeticKernels,
  ...dequantizeKernels,
  ...gatherKernels,
  ...linearKernels,
  ...reduceKernels,
  ...shapeKernels,
};

/** What computes a node; UNSUPPORTED_OPERATOR where there is nothing. */
export function computeOf(node: Node): Compute {
  const { attributes, compute } = kernelOf(node) ?? unsupported(node, 'has no such operator', {});
  const unknown = Object.keys(node.attributes).find((name) => !attributes.includes(name));
  if (unknown !== undefined) {
    unsupported(node, 'knows this operator without this attribute', { attribute: unknown });
  }
  return compute;
}

function kernelOf({ domain, op }: Node): Kernel | undefined {
  if (domain === '') return Object.hasOwn(standardKernels, op) ? standardKernels[op] : undefined;
  if (domain === contribDomain)
    return Object.hasOwn(blockKernels, op) ? blockKernels[op] : undefined;
  const fused = domain === fusedDomain ? ops.get(op) : undefined;
  return fused && fusedKernel(fused);
}

function fusedKernel({ attributes, infer, reference }: OpDef): Kernel {
  return {
    attributes: attributes.map(({ name }) => name),
    compute: (inputs, node) => {
      const given = inputs.map((_, index) => need(inputs, index));
      const types = infer({ inputs: given, attributes: node.attributes });
      return reference(given, node.attributes).map((output, index) => ({
        ...output,
        dtype: types[index]?.dtype ?? need(given, 0).dtype,
      }));
    },
  };
}

function unsupported(node: Node, rule: string, more: Readonly<Record<string, string>>): never {
  throw new ToolkitError('UNSUPPORTED_OPERATOR', `the reference runtime ${rule}`, {
    where: { node: labelOf(node), operator: node.op, domain: node.domain, ...more },
    fix: 'choose --runtime onnxruntime',
  });
}

/** What a node is called in messages: the first value it makes. */
export function labelOf({ outputs }: Node): string {
  return outputs.find((name) => name !== '') ?? '';
}
