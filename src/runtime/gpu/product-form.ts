// How products over so many rows are computed. A few rows take the matrix-vector form, in which
// weights are read once for up to four of them; more are computed tile by tile, and the tiles are as
// large as still leaves enough of them to fill a GPU. A form serves a range of row counts, so that
// prompts of many lengths share its pipelines.

import type { VectorRows } from '../../../ops/matmul/kernel-vector.ts';
import type { ProductShape } from '../../../ops/matmul/shape.ts';
import type { TileRows } from '../../../ops/matmul/tile-size.ts';
import type { GpuLimits } from '../../wgsl.ts';

/** Rows at a time in the vector form, or at most, tile by tile. */
export type ProductForm = VectorRows | MostRows;

type MostRows = (typeof ranges)[number];

const ranges = [32, 128, 512, 2048] as const;

/** Beyond, vectors of four rows would read a weight too often. */
const mostVectorRows = 16;

/** The form of products over this many rows. */
export function productForm(rows: number): ProductForm {
  if (rows <= 2) return rows === 2 ? 2 : 1;
  if (rows <= mostVectorRows) return 4;
  return ranges.find((most) => rows <= most) ?? 2048;
}

export function isVector(form: ProductForm): form is VectorRows {
  return form <= 4;
}

const tileColumns = 64;
const tileRows: readonly TileRows[] = [128, 64, 32];

/** Rows of a tile for products of this form. */
export function tileRowsOf(
  form: MostRows,
  { outputs }: Pick<ProductShape, 'outputs'>,
  { busyWorkgroups }: Pick<GpuLimits, 'busyWorkgroups'>,
): TileRows {
  const tiles = (rows: number): number => Math.ceil(form / rows) * Math.ceil(outputs / tileColumns);
  return tileRows.find((rows) => tiles(rows) >= busyWorkgroups) ?? 16;
}
