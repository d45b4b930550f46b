// Whether the files of a model are sound: every weight a range of its own in a plain file beside
// the model, every byte accounted for. ONNX's checker lets most of these faults pass, and runtimes
// disagree about the others, so passing it proves little.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, SourceFolder } from '../base/files.ts';
import { chunkBytes, maxProtobufBytes } from '../base/limits.ts';
import type { Model } from '../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { type DataFile, isDataFileOf } from './layout.ts';
import { type OpenFiles, openFiles } from './open-files.ts';

export interface VerifiedModel {
  readonly model: Model;
  /** The model file and its data files. */
  readonly files: readonly DataFile[];
}

interface Range {
  readonly tensor: string;
  readonly start: number;
  readonly end: number;
}

/** Bytes between tensors, mostly the rest of a page. */
type Gap = Omit<Range, 'tensor'>;

const gapsAtOnce = 8;

/** Reads the model file `modelName` of a folder and holds it and its data files to the rules. */
export async function verifyModelFiles(
  folder: SourceFolder,
  modelName: string,
): Promise<VerifiedModel> {
  const files = openFiles(folder);
  try {
    const model = await readModel(files, modelName);
    const locations = rangesByLocation(model);
    if (locations.has(modelName)) {
      fail('the model file refers to itself as a data file', { file: modelName });
    }
    await checkUnused(folder, modelName, locations);
    const sizes = [{ name: modelName, size: (await files.open(modelName)).size }];
    for (const [name, ranges] of locations) {
      const file = await files.open(name);
      checkPlain(file);
      await checkRanges(file, ranges);
      sizes.push({ name, size: file.size });
    }
    return { model, files: sizes };
  } finally {
    await files.close();
  }
}

async function readModel(files: OpenFiles, modelName: string): Promise<Model> {
  const file = await files.open(modelName);
  if (file.size > maxProtobufBytes) {
    throw new ToolkitError('UNSUPPORTED_SIZE', 'the model file is 2 GiB or larger', {
      where: { file: modelName, size: file.size },
    });
  }
  return decodeModel(await file.read(0, file.size), modelName);
}

function rangesByLocation({ graph }: Model): ReadonlyMap<string, readonly Range[]> {
  const locations = new Map<string, Range[]>();
  for (const { name, recipe } of graph.initializers) {
    if (recipe.kind !== 'stored' || recipe.location === '') continue;
    const ranges = locations.get(recipe.location) ?? [];
    ranges.push({ tensor: name, start: recipe.offset, end: recipe.offset + recipe.length });
    locations.set(recipe.location, ranges);
  }
  return locations;
}

/** A data file that no tensor refers to is left over from another model, or its model is. */
async function checkUnused(
  folder: SourceFolder,
  modelName: string,
  used: ReadonlyMap<string, unknown>,
): Promise<void> {
  for (const name of await folder.list()) {
    if (isDataFileOf(modelName, name) && !used.has(name)) {
      fail('the model does not use a data file that has its name', {
        model: modelName,
        file: name,
      });
    }
  }
}

function checkPlain(file: ByteSource): void {
  if (file.links === undefined || file.links === 1) return;
  fail('a data file is a link, not a file of its own', { file: file.name, links: file.links });
}

async function checkRanges(file: ByteSource, ranges: readonly Range[]): Promise<void> {
  const gaps: Gap[] = [];
  let at = 0;
  let before = '';
  for (const { tensor, start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const where = { file: file.name, tensor };
    if (end > file.size) {
      fail('a tensor reaches beyond the end of its file', { ...where, end, size: file.size });
    }
    if (start < at) fail('two tensors overlap', { ...where, other: before, start });
    gaps.push({ start: at, end: start });
    at = end;
    before = tensor;
  }
  gaps.push({ start: at, end: file.size });
  await checkGaps(
    file,
    gaps.filter(({ start, end }) => start < end),
  );
}

/** Some at a time: a file on a server answers them together. */
async function checkGaps(file: ByteSource, gaps: readonly Gap[]): Promise<void> {
  for (let first = 0; first < gaps.length; first += gapsAtOnce) {
    const some = gaps.slice(first, first + gapsAtOnce);
    await Promise.all(some.map(({ start, end }) => checkZeros(file, start, end)));
  }
}

async function checkZeros(file: ByteSource, start: number, end: number): Promise<void> {
  for (let at = start; at < end; at += chunkBytes) {
    const bytes = await file.read(at, Math.min(end, at + chunkBytes));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found !== -1) {
      fail('a byte between tensors is not zero', { file: file.name, offset: at + found });
    }
  }
}

function fail(rule: string, where: Readonly<Record<string, string | number>>): never {
  throw new ToolkitError('ONNX_INVALID', rule, { where, fix: 'convert again' });
}
