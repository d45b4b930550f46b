// A panel of the weight on its way into workgroup memory, by layout: first into registers, while the
// tile before is worked on, then into its place. Packed codes become numbers on the second way.

import { load, vectorsOf } from '../../src/wgsl.ts';
import { packedReader } from '../matmul-nbits/packed.ts';
import { type BlocksWeight, columnsOf, halvesOf, type ProductShape } from './shape.ts';
import { depthVectors, panelSize, panelVectors, tilePitch, type TileSize } from './tile-size.ts';

export interface PanelLoader {
  readonly functions: string;
  /** WGSL: reads all panels at vector `depth` of a row of x; `var ` the first time. */
  readonly read: (declare: 'var ' | '') => string;
  /** WGSL: puts what was read into `panels`. */
  readonly write: string;
  /** WGSL: vector `i` of the four that `fold` takes, of a panel at vector `k` of the tile. */
  readonly at: (panel: number, i: number) => string;
}

export function panelLoader(shape: ProductShape, size: TileSize): PanelLoader {
  switch (shape.weight.layout) {
    case 'in-out':
      return inOut(shape, size);
    case 'out-in':
      return outIn(shape, size);
    case 'blocks':
      return blocks(shape, shape.weight, size);
  }
}

/** One line for each of `items` things of all panels, dealt out to the threads. */
function dealt(
  { panels, threads }: TileSize,
  items: number,
  line: (name: string, item: string, panel: number) => string,
): string {
  const lines: string[] = [];
  for (let panel = 0; panel < panels; panel++) {
    for (let first = 0; first < items; first += threads) {
      const text = line(`${panel}_${first / threads}`, `(thread + ${first}u)`, panel);
      lines.push(first + threads > items ? `if (thread < ${items - first}u) { ${text} }` : text);
    }
  }
  return lines.join('\n    ');
}

/** The first vector of columns of a panel. */
export function panelStart({ gated }: ProductShape, { panels }: TileSize, panel: number): string {
  if (gated) return `group.x * ${panelVectors}u`;
  return `(group.x * ${panels}u + ${panel}u) * ${panelVectors}u`;
}

function inOut(shape: ProductShape, size: TileSize): PanelLoader {
  const { inputs, outputs, weight, gated } = shape;
  const vectors = vectorsOf(outputs);
  const pitch = vectors * halvesOf(shape);
  const element = weight.layout === 'blocks' ? 'f32' : weight.element;
  const items = 4 * depthVectors * panelVectors;
  const index = (item: string, panel: number): string => {
    const row = `min(4u * depth + ${item} / ${panelVectors}u, ${inputs - 1}u)`;
    const column = `min(${panelStart(shape, size, panel)} + ${item} % ${panelVectors}u, ${vectors - 1}u)`;
    return `${row} * ${pitch}u + ${column} + ${gated ? panel * vectors : 0}u`;
  };
  return {
    functions: '',
    read: (declare) =>
      dealtReads(size, items, declare, (item, panel) =>
        load(element, 'weight', index(item, panel)),
      ),
    write: dealt(
      size,
      items,
      (name, item, panel) => `panels[${panel * items}u + ${item}] = w_${name};`,
    ),
    at: (panel, i) => `panels[${panel * items}u + (4u * k + ${i}u) * ${panelVectors}u + across]`,
  };
}

/** Reads into registers `w_…`; where threads are too many, some read what they do not write. */
function dealtReads(
  size: TileSize,
  items: number,
  declare: 'var ' | '',
  value: (item: string, panel: number) => string,
): string {
  const whole = Math.ceil(items / size.threads) * size.threads;
  return dealt(size, whole, (name, item, panel) => {
    const within = whole === items ? item : `min(${item}, ${items - 1}u)`;
    return `${declare}w_${name} = ${value(within, panel)};`;
  });
}

/** WGSL: the weight's row that a panel's column is. */
function rowOf(shape: ProductShape, size: TileSize, panel: number, column: string): string {
  const within = `min(4u * (${panelStart(shape, size, panel)}) + ${column}, ${columnsOf(shape) - 1}u)`;
  return shape.gated ? `(${within} + ${panel * shape.outputs}u)` : within;
}

// A thread's four columns lie a quarter of the panel apart in memory: threads side by side then read
// rows side by side, which are in different banks.
function placeOf(column: string): string {
  return `(${column} % 4u * ${panelVectors}u + ${column} / 4u) * ${tilePitch}u`;
}

function outInPlace(shape: ProductShape): PanelLoader['at'] {
  return (panel, i) =>
    `panels[${panel * panelSize(shape)}u + (${i * panelVectors}u + across) * ${tilePitch}u + k]`;
}

function outIn(shape: ProductShape, size: TileSize): PanelLoader {
  const { inputs, weight } = shape;
  const element = weight.layout === 'blocks' ? 'f32' : weight.element;
  const items = 4 * panelVectors * depthVectors;
  const index = (item: string, panel: number): string =>
    `${rowOf(shape, size, panel, `${item} / ${depthVectors}u`)} * ${vectorsOf(inputs)}u + min(depth + ${item} % ${depthVectors}u, ${vectorsOf(inputs) - 1}u)`;
  return {
    functions: '',
    read: (declare) =>
      dealtReads(size, items, declare, (item, panel) =>
        load(element, 'weight', index(item, panel)),
      ),
    write: dealt(
      size,
      items,
      (name, item, panel) =>
        `panels[${panel * panelSize(shape)}u + ${placeOf(`(${item} / ${depthVectors}u)`)} + ${item} % ${depthVectors}u] = w_${name};`,
    ),
    at: outInPlace(shape),
  };
}

// The depth of a tile is 16 elements, the least that a block has: a word's codes have one scale.
function blocks(shape: ProductShape, packed: BlocksWeight, size: TileSize): PanelLoader {
  const { bits, blockSize } = packed;
  const vectors = 8 / bits; // in a word
  const perRow = depthVectors / vectors;
  const items = 4 * panelVectors * perRow;
  const words = (Math.ceil(shape.inputs / blockSize) * blockSize * bits) / 32;
  const column = (item: string): string => `(${item} / ${perRow}u)`;
  const row = (item: string, panel: number): string => rowOf(shape, size, panel, column(item));
  const block = `4u * depth / ${blockSize}u`;
  return {
    functions: packedReader(packed, shape.inputs),
    read: (declare) =>
      [
        dealtReads(
          size,
          items,
          declare,
          (item, panel) =>
            `weight[${row(item, panel)} * ${words}u + depth / ${vectors}u + ${item} % ${perRow}u]`,
        ),
        dealtScales(size, items, declare, row, block),
      ].join('\n    '),
    write: dealt(size, items, (name, item, panel) => {
      const start = `${panel * panelSize(shape)}u + ${placeOf(column(item))} + ${item} % ${perRow}u * ${vectors}u`;
      return Array.from(
        { length: vectors },
        (_, v) =>
          `panels[${start} + ${v}u] = (codes_of(w_${name}, ${v}u) - s_${name}.y) * s_${name}.x;`,
      ).join(' ');
    }),
    at: outInPlace(shape),
  };
}

function dealtScales(
  size: TileSize,
  items: number,
  declare: 'var ' | '',
  row: (item: string, panel: number) => string,
  block: string,
): string {
  const whole = Math.ceil(items / size.threads) * size.threads;
  return dealt(size, whole, (name, item, panel) => {
    const within = whole === items ? item : `min(${item}, ${items - 1}u)`;
    const at = `${row(within, panel)}, ${block}`;
    return `${declare}s_${name} = vec2(scale_at(${at}), zero_at(${at}));`;
  });
}
