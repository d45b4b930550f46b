// What torch.save writes: a zip archive with the state dict's pickle and, stored beside it, the
// bytes of every storage. Tensors are read from their places in the file.

import { storedBits } from '../base/dtypes.ts';
import { ToolkitError, type ErrorCode } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { sizeOf, type TensorRef } from '../base/tensors.ts';
import { unpickle } from './pickle.ts';
import type { WeightsFile } from './safetensors.ts';
import { sniff, sniffBytes } from './sniff.ts';
import { placedTensor } from './tensor-ref.ts';
import {
  stateDictMeaning,
  tensorOf,
  type TorchStorage,
  type TorchTensor,
} from './torch-objects.ts';
import { dataOffset, readZip, type ZipEntry } from './zip.ts';

// A tensor takes some 150 bytes of it.
const maxPickleBytes = 32_000_000;

/** Reads the state dict of a `pytorch_model.bin`; the tensors are read when somebody asks. */
export async function readTorchZip(source: ByteSource): Promise<WeightsFile> {
  await checkKind(source);
  const archive = await openArchive(source);
  const file = source.name;
  const value = unpickle(archive.pickle, file, stateDictMeaning(file));
  if (!(value instanceof Map))
    return fail('TORCH_PICKLE', 'the pickle holds no dict, as a state dict is', { file });
  const tensors: TensorRef[] = [];
  for (const [name, item] of value) {
    const tensor = tensorOf(item);
    if (tensor === undefined) {
      const rule = 'the state dict holds something that is not a tensor';
      return fail('TORCH_PICKLE', rule, { file, key: name });
    }
    tensors.push(await placeTensor(archive, name, tensor));
  }
  return { tensors, metadata: new Map(), warnings: [] };
}

async function checkKind(source: ByteSource): Promise<void> {
  const first = await source.read(0, Math.min(source.size, sniffBytes));
  if (first[0] === 0x50 && first[1] === 0x4b) return;
  const kind = sniff(first, source.size);
  throw new ToolkitError(
    'TORCH_ZIP',
    `a zip archive of torch.save was expected, and this is ${kind?.is ?? 'none'}`,
    { where: { file: source.name }, fix: kind?.fix ?? 'download the file again' },
  );
}

interface Archive {
  readonly source: ByteSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The folder in the archive that everything lies in. */
  readonly root: string;
  readonly pickle: Uint8Array;
  /** First bytes of storages, by key; tied weights share one. */
  readonly offsets: Map<string, number>;
}

async function openArchive(source: ByteSource): Promise<Archive> {
  const file = source.name;
  const entries = await readZip(source);
  const names = [...entries.keys()];
  if (names.some((name) => /^[^/]+\/constants\.pkl$/.test(name))) {
    return fail('TORCH_ZIP', 'this is a TorchScript program, not a state dict', { file });
  }
  const [name, another] = names.filter((each) => /^[^/]+\/data\.pkl$/.test(each));
  const entry = entries.get(name ?? '');
  if (name === undefined || entry === undefined || another !== undefined) {
    return fail('TORCH_ZIP', 'the archive does not hold exactly one data.pkl in one folder', {
      file,
    });
  }
  if (entry.size > maxPickleBytes) {
    const where = { file, size: entry.size };
    return fail('TORCH_ZIP', `data.pkl is longer than the ${maxPickleBytes} bytes allowed`, where);
  }
  const root = name.slice(0, -'/data.pkl'.length);
  const order = entries.get(`${root}/byteorder`);
  if (
    order !== undefined &&
    new TextDecoder().decode(await readEntry(source, order)) !== 'little'
  ) {
    return fail(
      'TORCH_ZIP',
      'the weights are big-endian, and only little-endian ones are supported',
      { file },
    );
  }
  return { source, entries, root, pickle: await readEntry(source, entry), offsets: new Map() };
}

async function readEntry(source: ByteSource, entry: ZipEntry): Promise<Uint8Array> {
  const start = await dataOffset(source, entry);
  return source.read(start, start + entry.size);
}

async function placeTensor(
  archive: Archive,
  name: string,
  { storage, offset, shape, strides }: TorchTensor,
): Promise<TensorRef> {
  const where = { file: archive.source.name, tensor: name };
  const { dtype } = storage;
  const width = storedBits[dtype] / 8;
  const elements = sizeOf(shape);
  if (!isContiguous(shape, strides)) {
    throw new ToolkitError('TORCH_PICKLE', 'a tensor is not stored row by row', {
      where: { ...where, shape, strides },
      fix: 'call contiguous() on it before it is saved',
    });
  }
  if (!(offset + elements <= storage.count)) {
    return fail('TORCH_PICKLE', 'a tensor reaches beyond its storage', { ...where, shape, offset });
  }
  const start = await storageOffset(archive, storage, name);
  return placedTensor(archive.source, {
    name,
    dtype,
    shape,
    offset: start + offset * width,
    size: elements * width,
  });
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  return (
    shape.includes(0) ||
    shape.toReversed().every((dim, i) => {
      const follows = dim === 1 || strides.at(-1 - i) === step;
      step *= dim;
      return follows;
    })
  );
}

async function storageOffset(
  { source, entries, root, offsets }: Archive,
  { key, dtype, count }: TorchStorage,
  tensor: string,
): Promise<number> {
  const entry = entries.get(`${root}/data/${key}`);
  const where = { file: source.name, tensor, storage: key };
  if (entry === undefined) return fail('TORCH_ZIP', 'the archive lacks a storage', where);
  const size = (count * storedBits[dtype]) / 8;
  if (entry.size !== size) {
    const rule = 'a storage has another number of bytes than its elements need';
    return fail('TORCH_ZIP', rule, { ...where, expected: size, got: entry.size });
  }
  const start = offsets.get(key) ?? (await dataOffset(source, entry));
  offsets.set(key, start);
  return start;
}

function fail(
  code: ErrorCode,
  rule: string,
  where: Readonly<Record<string, string | number | readonly number[]>>,
): never {
  throw new ToolkitError(code, rule, {
    where,
    fix: "save the model's own state dict again with torch.save, or better with save_pretrained",
  });
}
