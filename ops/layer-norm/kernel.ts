// LayerNormalization over the rows of a matrix: one workgroup a row. Mean and variance are two sums
// over a row that stays in the cache, so that a large mean costs no digits.

import {
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
} from '../../src/wgsl.ts';
import { workgroupSum } from '../workgroup-sum.ts';

export interface LayerNormShape {
  /** Elements of a row, a multiple of four. */
  readonly width: number;
  readonly epsilon: number;
  readonly bias: boolean;
  /** Of the rows, before and after. */
  readonly element: Element;
  /** Of scale and bias. */
  readonly weight: Element;
  /** Which rows there are. */
  readonly count: 'tokens' | 'kept';
}

/** x → normed; scale, and bias where the shape says so. */
export function layerNorm(shape: LayerNormShape, limits: GpuLimits): Kernel {
  const { width, epsilon, bias, element, weight, count } = shape;
  const vectors = vectorsOf(width);
  const threads = Math.min(limits.workgroupSize, 64);
  const bindings = [
    { name: 'x', access: 'read', element },
    { name: 'scale', access: 'read', element: weight },
    ...(bias ? [{ name: 'bias', access: 'read', element: weight } as const] : []),
    { name: 'normed', access: 'read_write', element },
  ] as const;
  const sum = workgroupSum(threads, limits);
  const scaled = `(${load(element, 'x', 'base + i')} - mean) * inverse * ${load(weight, 'scale', 'i')}`;
  const shifted = bias ? `${scaled} + ${load(weight, 'bias', 'i')}` : scaled;
  const wgsl = `${header(bindings, sum.features)}
${sum.functions}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let row = ${groupIndex};
  if (row >= lengths.${count}) { return; }
  let base = row * ${vectors}u;

  var total = 0.0;
  for (var i = thread; i < ${vectors}u; i += ${threads}u) {
    total += dot(${load(element, 'x', 'base + i')}, vec4(1.0));
  }
  let mean = workgroup_sum(total, thread) / ${literal(width)};

  var squares = 0.0;
  for (var i = thread; i < ${vectors}u; i += ${threads}u) {
    let apart = ${load(element, 'x', 'base + i')} - mean;
    squares += dot(apart, apart);
  }
  let inverse = inverseSqrt(workgroup_sum(squares, thread) / ${literal(width)} + ${literal(epsilon)});

  for (var i = thread; i < ${vectors}u; i += ${threads}u) {
    ${store(element, 'normed', 'base + i', shifted)}
  }
}
`;
  return {
    name: 'layer-norm',
    wgsl,
    bindings,
    grid: (lengths) => flatGrid(lengths[count], limits),
  };
}
