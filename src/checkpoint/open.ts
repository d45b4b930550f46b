// A folder's weights as one checkpoint: safetensors before torch's own format, one file before
// shards, and a sentence for every folder that holds something else.

import type { Checkpoint } from '../base/checkpoint.ts';
import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, Hasher, SourceFolder, WrittenFile } from '../base/files.ts';
import { pureSha256 } from '../base/sha256.ts';
import { hashSource } from './hash.ts';
import { nameTensors } from './keys.ts';
import { passedOver, refuseFolder } from './other-weights.ts';
import { readSafetensors, type WeightsFile } from './safetensors.ts';
import { checkShards, readIndex } from './shards.ts';
import { readTorchZip } from './torch-zip.ts';

export interface OpenOptions {
  /** A hash faster than the one in TypeScript. */
  readonly sha256?: () => Hasher;
  /** Hashes a whole file of weights; without one, `sha256` does so on the calling thread. */
  readonly hashFile?: (source: ByteSource) => Promise<WrittenFile>;
}

interface Format {
  readonly file: string;
  readonly extension: string;
  readonly read: (source: ByteSource) => Promise<WeightsFile>;
}

const formats: readonly Format[] = [
  { file: 'model.safetensors', extension: '.safetensors', read: readSafetensors },
  { file: 'pytorch_model.bin', extension: '.bin', read: readTorchZip },
];

/** Opens the weights of a folder. Headers are read and checked; tensors are read when asked. */
export async function openCheckpoint(
  folder: SourceFolder,
  { sha256 = pureSha256, hashFile = (source) => hashSource(source, sha256()) }: OpenOptions = {},
): Promise<Checkpoint> {
  const opened: ByteSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((source) => source.close()));
  };
  try {
    const { files, warnings } = await readWeights(folder, opened);
    const named = nameTensors(files.flatMap(({ tensors }) => tensors));
    const present = await folder.list();
    const read = opened.map(({ name }) => name);
    return {
      tensors: named.tensors,
      warnings: [...passedOver(present, read), ...warnings, ...named.warnings],
      hashes: async () => {
        const hashes = [];
        for (const source of opened) hashes.push(await hashFile(source));
        return hashes;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Weights {
  readonly files: readonly WeightsFile[];
  readonly warnings: readonly string[];
}

/** Every weights file that is opened goes to `opened`, in order. */
async function readWeights(folder: SourceFolder, opened: ByteSource[]): Promise<Weights> {
  for (const format of formats) {
    const source = await folder.open(format.file);
    if (source !== undefined) {
      opened.push(source);
      const file = await format.read(source);
      return { files: [file], warnings: file.warnings };
    }
    const index = await folder.open(`${format.file}.index.json`);
    if (index !== undefined) return readShards(folder, index, format, opened);
  }
  return refuseFolder(
    folder.name,
    await folder.list(),
    formats.flatMap(({ file }) => [file, `${file}.index.json`]),
  );
}

async function readShards(
  folder: SourceFolder,
  indexSource: ByteSource,
  format: Format,
  opened: ByteSource[],
): Promise<Weights> {
  const index = await readIndex(indexSource, format.extension).finally(() => indexSource.close());
  for (const shard of index.shards) {
    const source = await folder.open(shard);
    if (source === undefined) {
      throw new ToolkitError('SHARD_MISSING', 'a shard that the index lists is not there', {
        where: { shard, index: index.file, folder: folder.name },
        fix: 'download it, or the whole checkpoint again',
      });
    }
    opened.push(source);
  }
  const files: WeightsFile[] = [];
  for (const source of opened) files.push(await format.read(source));
  const shards = files.map(({ tensors }, at) => ({ name: index.shards[at] ?? '', tensors }));
  return {
    files,
    warnings: [...files.flatMap(({ warnings }) => warnings), ...checkShards(index, shards)],
  };
}
