// GeGLU alone, for a gate that follows no product.

import {
  type Element,
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  load,
  mainParameters,
  store,
  vectorsOf,
} from '../../src/wgsl.ts';
import { activationOf } from '../activations.ts';

export interface GegluShape {
  /** Elements of a row of the result. */
  readonly width: number;
  /** Name of the activation of the first half. */
  readonly activation: string;
  readonly element: Element;
  /** Which rows there are. */
  readonly count: 'tokens' | 'kept';
}

/** x [rows, 2 * width] → y [rows, width] */
export function geglu(shape: GegluShape, limits: GpuLimits): Kernel {
  const { width, activation, element, count } = shape;
  const vectors = vectorsOf(width);
  const pitch = vectorsOf(2 * width);
  const threads = limits.workgroupSize;
  const bindings = [
    { name: 'x', access: 'read', element },
    { name: 'y', access: 'read_write', element },
  ] as const;
  const wgsl = `${header(bindings)}
${activationOf(activation).wgsl}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let i = (${groupIndex}) * ${threads}u + thread;
  let row = i / ${vectors}u;
  if (row >= lengths.${count}) { return; }
  let at = row * ${pitch}u + i % ${vectors}u;
  let gate = activate(${load(element, 'x', 'at')});
  ${factorLines(width, element)}
  ${store(element, 'y', 'i', 'gate * factor')}
}
`;
  return {
    name: 'geglu',
    wgsl,
    bindings,
    grid: (lengths) => flatGrid(Math.ceil((lengths[count] * vectors) / threads), limits),
  };
}

/** WGSL: names the vector of the second half that belongs to vector `at` of the first `factor`. */
function factorLines(width: number, element: Element): string {
  const whole = Math.floor(width / 4);
  const shift = width % 4;
  if (shift === 0) return `let factor = ${load(element, 'x', `at + ${whole}u`)};`;
  // it lies across two vectors of the row; where the row ends it is 0
  const lanes = [0, 1, 2, 3].map(
    (lane) => `pair[${lane + shift < 4 ? 0 : 1}][${(lane + shift) % 4}]`,
  );
  return `let second = at + ${whole}u;
  let end = (row + 1u) * ${vectorsOf(2 * width)}u;
  let pair = array(${load(element, 'x', 'second')}, ${load(element, 'x', 'min(second + 1u, end - 1u)')});
  let shifted = vec4<f32>(${lanes.join(', ')});
  let column = i % ${vectorsOf(width)}u * 4u;
  let factor = select(vec4(0.0), shifted, column + vec4(0u, 1u, 2u, 3u) < vec4(${width}u));`;
}
