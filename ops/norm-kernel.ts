// LayerNormalization over rows, whatever makes up a row: one workgroup a row. Mean and variance are
// two sums over a row that stays in the cache, so that a large mean costs no digits.

import {
  type Binding,
  type Element,
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  literal,
  load,
  mainParameters,
  store,
  vectorsOf,
} from '../src/wgsl.ts';
import { workgroupSum } from './workgroup-sum.ts';

export interface NormShape {
  /** Elements of a row, a multiple of four. */
  readonly width: number;
  readonly epsilon: number;
  readonly bias: boolean;
  /** Of the rows before, and after where they have no own. */
  readonly element: Element;
  readonly output?: Element | undefined;
  /** Of scale and bias. */
  readonly weight: Element;
  /** Which rows there are. */
  readonly count: 'tokens' | 'kept';
}

/** What a norm normalizes. */
export interface NormInput {
  readonly name: string;
  /** Bindings before the scale, and after the result. */
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  /** WGSL statements that name vector `at` of the rows `value` when it is read first. */
  readonly first: string;
  /** WGSL of the same vector for the thread that read it before. */
  readonly again: string;
}

/** inputs, scale, [bias] → normed, outputs */
export function normKernel(shape: NormShape, input: NormInput, limits: GpuLimits): Kernel {
  const { width, epsilon, bias, element, output = element, weight, count } = shape;
  const { name, first, again } = input;
  const vectors = vectorsOf(width);
  const threads = Math.min(limits.workgroupSize, 64);
  const bindings: readonly Binding[] = [
    ...input.inputs,
    { name: 'scale', access: 'read', element: weight },
    ...(bias ? [{ name: 'bias', access: 'read', element: weight } as const] : []),
    { name: 'normed', access: 'read_write', element: output },
    ...input.outputs,
  ];
  const sum = workgroupSum(threads, limits);
  const scaled = `(${again} - mean) * inverse * ${load(weight, 'scale', 'i')}`;
  const shifted = bias ? `${scaled} + ${load(weight, 'bias', 'i')}` : scaled;
  const each = `for (var i = thread; i < ${vectors}u; i += ${threads}u) {
    let at = row * ${vectors}u + i;`;
  const wgsl = `${header(bindings, sum.features)}
${sum.functions}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let row = ${groupIndex};
  if (row >= lengths.${count}) { return; }

  var total = 0.0;
  ${each}
    ${first}
    total += dot(value, vec4(1.0));
  }
  let mean = workgroup_sum(total, thread) / ${literal(width)};

  var squares = 0.0;
  ${each}
    let apart = ${again} - mean;
    squares += dot(apart, apart);
  }
  let inverse = inverseSqrt(workgroup_sum(squares, thread) / ${literal(width)} + ${literal(epsilon)});

  ${each}
    ${store(output, 'normed', 'at', shifted)}
  }
}
`;
  return { name, wgsl, bindings, grid: (lengths) => flatGrid(lengths[count], limits) };
}
