// Which file each weight goes to, and where in it: known before a byte is read.

import { bytesFor } from '../base/dtypes.ts';
import {
  alignThreshold,
  externalThreshold,
  maxDataFileBytes as browserLimit,
  pageBytes,
} from '../base/limits.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer } from '../ir/graph.ts';
import type { Place } from './placement.ts';

export interface DataFile {
  readonly name: string;
  readonly size: number;
}

export interface Layout {
  /** By the initializer's name, in the order of the initializers; so are the data files' ranges. */
  readonly places: ReadonlyMap<string, Place>;
  readonly dataFiles: readonly DataFile[];
  readonly warnings: readonly string[];
}

export interface LayoutOptions {
  /** Keep every weight inside the model file. */
  readonly singleFile?: boolean;
  /** Begin a further data file before one grows to so many bytes. */
  readonly maxDataFileBytes?: number;
}

/** The length in bytes of an initializer in a file. */
export function byteLength({ type }: Initializer): number {
  return bytesFor(type.dtype, sizeOf(type.shape));
}

/**
 * Places the weights of the model file `modelName`: small ones inside it, the others in
 * `<modelName>_data`, and before that grows to the limit (2 GB) in `_data_1`, `_data_2`…, each
 * weight whole.
 */
export function layOut(
  initializers: readonly Initializer[],
  modelName: string,
  { singleFile = false, maxDataFileBytes = browserLimit }: LayoutOptions = {},
): Layout {
  const places = new Map<string, Place>();
  const dataFiles: DataFile[] = [];
  const warnings: string[] = [];
  for (const initializer of initializers) {
    const length = byteLength(initializer);
    if (singleFile || length < externalThreshold) {
      places.set(initializer.name, { length });
      continue;
    }
    const last = dataFiles.at(-1);
    const range = (last && rangeIn(last, length, maxDataFileBytes)) ?? {
      location: dataFileName(modelName, dataFiles.length),
      offset: 0,
      length,
    };
    places.set(initializer.name, range);
    if (range.location === last?.name) dataFiles.pop();
    dataFiles.push({ name: range.location, size: range.offset + length });
    if (length >= browserLimit) {
      warnings.push(
        `${initializer.name} alone has ${length} bytes: browsers take no file of ${browserLimit} bytes and more`,
      );
    }
  }
  return { places, dataFiles, warnings };
}

/** Whether `name` is one of the data files that belong to `modelName`. */
export function isDataFileOf(modelName: string, name: string): boolean {
  const prefix = `${modelName}_data`;
  return name.startsWith(prefix) && /^(_[1-9][0-9]*)?$/.test(name.slice(prefix.length));
}

function dataFileName(modelName: string, index: number): string {
  return index === 0 ? `${modelName}_data` : `${modelName}_data_${index}`;
}

/** The place behind what `file` has already, while the file stays small enough. */
function rangeIn(file: DataFile, length: number, max: number) {
  const offset =
    length >= alignThreshold ? Math.ceil(file.size / pageBytes) * pageBytes : file.size;
  return offset + length < max ? { location: file.name, offset, length } : undefined;
}
