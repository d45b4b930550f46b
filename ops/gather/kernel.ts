// Rows of a table by their numbers: the embedding of ids, or the kept rows of a matrix.

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
import { rowIn, type TablePart } from '../table-part.ts';

export interface GatherShape {
  /** Elements of a row. */
  readonly columns: number;
  readonly table: Element;
  readonly output: Element;
  /** How many indices there are. */
  readonly count: 'tokens' | 'kept';
  /** What is bound of the table, where that is not all of it. */
  readonly part?: TablePart | undefined;
}

/** table, indices → gathered: its row i is row indices[i] of the table, which must have it. */
export function gatherRows(shape: GatherShape, limits: GpuLimits): Kernel {
  const { columns, table, output, count, part } = shape;
  const vectors = vectorsOf(columns);
  const threads = limits.workgroupSize;
  const bindings = [
    { name: 'table', access: 'read', element: table },
    { name: 'indices', access: 'read', element: 'u32' },
    { name: 'gathered', access: 'read_write', element: output },
  ] as const;
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let i = (${groupIndex}) * ${threads}u + thread;
  let at = i / ${vectors}u;
  if (at >= lengths.${count}) { return; }
  ${rowIn(part, 'row', 'indices[at]')}
  ${store(output, 'gathered', 'i', load(table, 'table', `row * ${vectors}u + i % ${vectors}u`))}
}
`;
  return {
    name: 'gather',
    wgsl,
    bindings,
    grid: (lengths) => flatGrid(Math.ceil((lengths[count] * vectors) / threads), limits),
  };
}
