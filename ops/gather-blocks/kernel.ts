// Rows of a table that is kept as codes of 4 or 8 bits: ids → rows of numbers. A thread turns one
// word of codes into one or two vectors; nothing is unpacked in memory.

import {
  type Element,
  flatGrid,
  type GpuLimits,
  groupIndex,
  header,
  type Kernel,
  mainParameters,
  store,
} from '../../src/wgsl.ts';
import { rowIn, type TablePart } from '../table-part.ts';

export interface GatherBlocksShape {
  /** Elements of a row, whole words of codes; the last block of the table may have more. */
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** Whether the codes that mean 0 are bound, each row of them in whole bytes; else the middle one does. */
  readonly zeroPoints: boolean;
  readonly scale: Element;
  readonly output: Element;
  /** What is bound of table, scales and zero points, where that is not all of them. */
  readonly part?: TablePart | undefined;
}

/** table, scales, [zero_points,] indices → gathered; lengths.tokens of them. */
export function gatherBlocks(shape: GatherBlocksShape, limits: GpuLimits): Kernel {
  const { columns, bits, blockSize, zeroPoints, scale, output, part } = shape;
  const threads = limits.workgroupSize;
  const codes = 32 / bits;
  const words = columns / codes;
  const blocks = Math.ceil(columns / blockSize);
  const rowWords = (blocks * blockSize) / codes;
  const bindings = [
    { name: 'table', access: 'read', element: 'u32' },
    { name: 'scales', access: 'read', element: 'u32' },
    ...(zeroPoints ? [{ name: 'zero_points', access: 'read', element: 'u32' } as const] : []),
    { name: 'indices', access: 'read', element: 'u32' },
    { name: 'gathered', access: 'read_write', element: output },
  ] as const;
  const vector = (first: number): string =>
    `vec4<f32>((vec4(codes) >> vec4(${[0, 1, 2, 3].map((i) => `${(first + i) * bits}u`).join(', ')})) & vec4(${2 ** bits - 1}u))`;
  const stores = Array.from({ length: codes / 4 }, (_, v) =>
    store(output, 'gathered', `i * ${codes / 4}u + ${v}u`, `(${vector(4 * v)} - zero) * scale`),
  );
  const wgsl = `${header(bindings)}

@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let i = (${groupIndex}) * ${threads}u + thread;
  let at = i / ${words}u;
  if (at >= lengths.tokens) { return; }
  ${rowIn(part, 'row', 'indices[at]')}
  let word = i % ${words}u;
  let codes = table[row * ${rowWords}u + word];
  let block = word / ${blockSize / codes}u;
  let place = row * ${blocks}u + block;
  let scale = ${scaleAt(scale)};
  ${zeroLine(shape, blocks)}
  ${stores.join('\n  ')}
}
`;
  return {
    name: 'gather-blocks',
    wgsl,
    bindings,
    grid: ({ tokens }) => flatGrid(Math.ceil((tokens * words) / threads), limits),
  };
}

/** WGSL: the scale at `place`, of scales that lie close, whatever the length of a row. */
function scaleAt(scale: Element): string {
  return scale === 'f32'
    ? 'bitcast<f32>(scales[place])'
    : 'unpack2x16float(scales[place / 2u])[place % 2u]';
}

/** WGSL: `zero`, from the bits where a zero point lies. */
function zeroLine({ bits, zeroPoints }: GatherBlocksShape, blocks: number): string {
  if (!zeroPoints) return `let zero = ${2 ** (bits - 1)}.0;`;
  const rowBits = Math.ceil((blocks * bits) / 8) * 8;
  return `let start = row * ${rowBits}u + block * ${bits}u;
  let zero = f32(extractBits(zero_points[start / 32u], start % 32u, ${bits}u));`;
}
