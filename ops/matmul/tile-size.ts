// How large a tile of y one workgroup makes, and what of x and the weight it keeps meanwhile.

import type { GpuLimits } from '../../src/wgsl.ts';
import { halvesOf, type ProductShape } from './shape.ts';

/** Rows of a tile: large ones read less, small ones make more workgroups of few rows. */
export type TileRows = 16 | 32 | 64 | 128;

export interface TileSize {
  readonly rows: number;
  readonly threads: number;
  /** Panels of columns: the two halves of a gated product, or two beside each other. */
  readonly panels: 1 | 2;
}

/** Vectors of columns of a panel; a thread makes one of them, for several rows. */
export const panelVectors = 16;

/** Vectors of x, along its row, in workgroup memory at a time. */
export const depthVectors = 4;

/** Vectors from row to row of a tile in workgroup memory: odd, so that rows lie in other banks. */
export const tilePitch: number = depthVectors + 1;

/** Vectors of workgroup memory that a panel takes. */
export function panelSize({ weight }: ProductShape): number {
  return weight.layout === 'in-out'
    ? 4 * depthVectors * panelVectors
    : 4 * panelVectors * tilePitch;
}

/** The size nearest to the one asked for that the device has room for. */
export function tileSize(shape: ProductShape, limits: GpuLimits, rows: TileRows): TileSize {
  const fits = (size: TileSize): boolean =>
    size.threads <= limits.workgroupSize &&
    16 * (size.rows * tilePitch + size.panels * panelSize(shape)) <= limits.workgroupMemory;
  const narrow = halvesOf(shape);
  const sizes: readonly TileSize[] = [
    ...(rows === 128 ? ([2, narrow] as const) : []).map((panels) => ({
      rows,
      threads: 256,
      panels,
    })),
    { rows: Math.min(rows, 64), threads: 128, panels: narrow },
  ];
  return sizes.find(fits) ?? { rows: Math.min(rows, 32), threads: 128, panels: narrow };
}
