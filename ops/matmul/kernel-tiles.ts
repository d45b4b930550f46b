// A product for many rows: each workgroup makes a tile of y. Stretches of rows of x and of columns of
// the weight pass through workgroup memory, so that each element is read once a tile; a thread keeps
// several rows of one vector of columns in registers. The next stretch is read from memory while
// this one is worked on.

import { type GpuLimits, header, type Kernel, mainParameters, vectorsOf } from '../../src/wgsl.ts';
import { epilogue } from './epilogue.ts';
import { foldOf } from './fold.ts';
import { bindingsOf, columnsOf, nameOf, productGrid, type ProductShape } from './shape.ts';
import {
  depthVectors,
  panelSize,
  panelVectors,
  tilePitch,
  type TileRows,
  type TileSize,
  tileSize,
} from './tile-size.ts';
import { panelLoader, type PanelLoader, panelStart } from './tile-weights.ts';
import { xVector } from './x-vector.ts';

/** The product in tiles of at most `rows` rows; bindings as in `bindingsOf`. */
export function productTiles(shape: ProductShape, limits: GpuLimits, rows: TileRows = 64): Kernel {
  const size = tileSize(shape, limits, rows);
  const bindings = bindingsOf(shape);
  const panels = panelLoader(shape, size);
  const steps = Math.ceil(vectorsOf(shape.inputs) / depthVectors);
  const wgsl = `${header(bindings)}

var<workgroup> tile: array<vec4<f32>, ${size.rows * tilePitch}>;
var<workgroup> panels: array<vec4<f32>, ${size.panels * panelSize(shape)}>;
${xVector(shape, { rows: true, vectors: vectorsOf(shape.inputs) % depthVectors !== 0 })}
${panels.functions}
${foldOf(shape.weight.layout)}
${epilogue(shape)}

@compute @workgroup_size(${size.threads})
fn main(
  ${mainParameters}
) {
  let first_row = group.y * ${size.rows}u;
  let across = thread % ${panelVectors}u;
  let down = thread / ${panelVectors}u;
  var depth = 0u;
  ${readX(size, 'var ')}
  ${panels.read('var ')}
  ${sums(size)
    .map(({ sum }) => `var ${sum} = vec4(0.0);`)
    .join('\n  ')}
  for (var step = 1u; step <= ${steps}u; step++) {
    ${writeX(size)}
    ${panels.write}
    workgroupBarrier();
    if (step < ${steps}u) {
      depth += ${depthVectors}u;
      ${readX(size, '')}
      ${panels.read('')}
    }
    for (var k = 0u; k < ${depthVectors}u; k++) {
      ${multiply(size, panels)}
    }
    workgroupBarrier();
  }
  ${stores(shape, size)}
}
`;
  return {
    name: nameOf('tiles', shape),
    wgsl,
    bindings,
    grid: productGrid(shape, {
      columns: 4 * panelVectors * (shape.gated ? 1 : size.panels),
      rows: size.rows,
    }),
  };
}

function vectorsOfThread({ rows, threads }: TileSize): readonly number[] {
  return Array.from({ length: Math.ceil((rows * depthVectors) / threads) }, (_, i) => i * threads);
}

function readX(size: TileSize, declare: 'var ' | ''): string {
  return vectorsOfThread(size)
    .map(
      (first, i) =>
        `${declare}x_${i} = x_vector(first_row + (thread + ${first}u) / ${depthVectors}u, depth + thread % ${depthVectors}u);`,
    )
    .join('\n  ');
}

function writeX(size: TileSize): string {
  return vectorsOfThread(size)
    .map((first, i) => {
      const place = `(thread + ${first}u) / ${depthVectors}u * ${tilePitch}u + thread % ${depthVectors}u`;
      const line = `tile[${place}] = x_${i};`;
      const left = size.rows * depthVectors - first;
      return left < size.threads ? `if (thread < ${left}u) { ${line} }` : line;
    })
    .join('\n    ');
}

/** A thread's rows lie as many apart as there are threads down a tile. */
function sums({
  rows,
  threads,
  panels,
}: TileSize): readonly { readonly sum: string; readonly row: string; readonly panel: number }[] {
  const down = threads / panelVectors;
  return Array.from({ length: rows / down }, (_, i) =>
    Array.from({ length: panels }, (__, panel) => ({
      sum: `sum_${i}_${panel}`,
      row: `down + ${i * down}u`,
      panel,
    })),
  ).flat();
}

function multiply(size: TileSize, { at }: PanelLoader): string {
  const columns = Array.from({ length: size.panels }, (_, panel) =>
    [0, 1, 2, 3].map((i) => `let w_${panel}_${i} = ${at(panel, i)};`),
  ).flat();
  const folds = sums(size).map(({ sum, row, panel }) => {
    const of = [0, 1, 2, 3].map((i) => `w_${panel}_${i}`).join(', ');
    return `${sum} = fold(${sum}, tile[(${row}) * ${tilePitch}u + k], ${of});`;
  });
  return [...columns, ...folds].join('\n      ');
}

function stores(shape: ProductShape, size: TileSize): string {
  const { gated, count } = shape;
  const vectors = vectorsOf(columnsOf(shape));
  return sums(size)
    .filter(({ panel }) => !gated || panel === 0)
    .map(({ sum, row, panel }) => {
      const second = gated ? `, ${sum.replace(/0$/, '1')}` : '';
      const vector = `${panelStart(shape, size, panel)} + across`;
      return `if (first_row + ${row} < lengths.${count} && ${vector} < ${vectors}u) {
    finish(first_row + ${row}, ${vector}, ${sum}${second});
  }`;
    })
    .join('\n  ');
}
