// Golden checkpoints copied and then changed on disk, as downloads, hands and trainers change them.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredDType } from '../src/base/dtypes.ts';
import { toHalf } from '../src/base/half.ts';
import { fileSource } from '../src/checkpoint/file-source.ts';
import { readSafetensors, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { caseFolder } from './command.ts';
import { must } from './must.ts';
import { temporaryFolder } from './tree.ts';

/** A tensor in a file, to be changed. */
export interface StoredTensor {
  dtype: StoredDType;
  shape: readonly number[];
  bytes: Uint8Array;
}

export type StoredTensors = Map<string, StoredTensor>;

/** A golden checkpoint in a folder `checkpoint`, alone in a folder that the test deletes. */
export function copyOf(name = 'clm-default'): string {
  const folder = join(temporaryFolder(), 'checkpoint');
  cpSync(caseFolder(name), folder, { recursive: true });
  return folder;
}

/** Changes the text of a file. */
export function editText(folder: string, file: string, change: (text: string) => string): void {
  const path = join(folder, file);
  writeFileSync(path, change(readFileSync(path, 'latin1')), 'latin1');
}

/** Changes the fields of config.json; one that is set to undefined goes. */
export function editConfig(folder: string, fields: Readonly<Record<string, unknown>>): void {
  editText(folder, 'config.json', (text) =>
    JSON.stringify({ ...(JSON.parse(text) as object), ...fields }),
  );
}

/** Changes the tensors of a safetensors file. */
export async function editWeights(
  folder: string,
  change: (tensors: StoredTensors) => void,
  file = 'model.safetensors',
): Promise<void> {
  const tensors = await tensorsIn(folder, file);
  change(tensors);
  storeTensors(join(folder, file), tensors);
}

/** The tensors of a safetensors file. */
export async function tensorsIn(
  folder: string,
  file = 'model.safetensors',
): Promise<StoredTensors> {
  const source = await fileSource(join(folder, file));
  const { tensors } = await readSafetensors(source);
  const stored: StoredTensors = new Map();
  for (const { name, dtype, shape, size, read } of tensors) {
    stored.set(name, { dtype, shape, bytes: await read(0, size) });
  }
  await source.close();
  return stored;
}

/** Writes tensors to a safetensors file. */
export function storeTensors(path: string, tensors: StoredTensors): void {
  writeFileSync(
    path,
    writeSafetensors(
      [...tensors].map(([name, tensor]) => ({ name, ...tensor })),
      new Map([['format', 'pt']]),
    ),
  );
}

/** Gives every tensor another name. */
export function rename(tensors: StoredTensors, nameOf: (name: string) => string): void {
  const before = [...tensors];
  tensors.clear();
  for (const [name, tensor] of before) tensors.set(nameOf(name), tensor);
}

/** Puts a number into an F32 tensor. */
export function setValue(tensors: StoredTensors, name: string, index: number, value: number): void {
  const { bytes } = must(tensors.get(name), name);
  new DataView(bytes.buffer, bytes.byteOffset).setFloat32(4 * index, value, true);
}

/** The numbers of an F32 tensor. */
export function valuesOf({ bytes }: StoredTensor): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}

/** An F32 tensor's numbers in another dtype, rounded by halves to even and by bfloat16 to zero. */
export function inType(tensor: StoredTensor, dtype: 'F16' | 'BF16' | 'F64'): StoredTensor {
  const values = valuesOf(tensor);
  const bits = new Uint32Array(values.buffer);
  const numbers =
    dtype === 'F64'
      ? Float64Array.from(values)
      : dtype === 'F16'
        ? Uint16Array.from(values, (value) => toHalf(value))
        : Uint16Array.from(bits, (value) => value >>> 16);
  return { dtype, shape: tensor.shape, bytes: new Uint8Array(numbers.buffer) };
}
