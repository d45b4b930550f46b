// How the matrix-vector form spreads over a GPU: a workgroup makes a few vectors of columns and cuts
// the elements of x into slices, one thread for each column vector and slice. Enough workgroups to
// fill a large GPU come first, then reads that are as long as they can be.

import { elementBytes, type GpuLimits, vectorsOf } from '../../src/wgsl.ts';
import { blocksOf, type CodeWords, codesIn } from '../matmul-nbits/packed.ts';
import { columnsOf, halvesOf, type ProductShape } from './shape.ts';

export interface VectorSplit {
  /** Vectors of columns of a workgroup. */
  readonly columns: number;
  /** Threads that share a vector of columns. */
  readonly slices: number;
  /** Words of packed codes that a thread reads at a time; 1 of other weights. */
  readonly words: CodeWords;
  /** Vectors of x in a unit, the elements of x that a thread works on at a time. */
  readonly vectors: number;
  /** Units of a row of the weight. */
  readonly units: number;
  /** Units that a thread has in registers at a time. */
  readonly chunk: number;
  /** Runs of `chunk` units that a thread works through; the last units may lie behind the row. */
  readonly chunks: number;
}

const wantedGroups = 96;
const mostThreads = 128;
const mostColumns = 8;

export function vectorSplit(shape: ProductShape, { workgroupSize }: GpuLimits): VectorSplit {
  const columns = columnsOfGroup(shape);
  const threads = Math.min(workgroupSize, mostThreads);
  const most = threads / columns;
  const sizes = wordsOf(shape).map((words) => unitOf(shape, words));
  for (const size of sizes) {
    for (let slices = most; slices >= most / 2; slices /= 2) {
      const steps = Math.ceil(size.units / slices);
      if (steps < 2 || steps * slices > 1.15 * size.units) continue;
      return { columns, slices, ...size, ...chunksOf(shape, size.words, steps) };
    }
  }
  const size = sizes.at(-1) ?? unitOf(shape, 1);
  const slices = Math.min(most, powerWithin(size.units));
  const steps = Math.ceil(size.units / slices);
  return { columns, slices, ...size, ...chunksOf(shape, size.words, steps) };
}

function columnsOfGroup(shape: ProductShape): number {
  const { weight } = shape;
  // 32 bytes are the least that memory gives at a time
  const least = weight.layout === 'in-out' ? 8 / elementBytes(weight.element) : 1;
  const wanted = powerWithin(vectorsOf(columnsOf(shape)) / wantedGroups);
  return Math.min(Math.max(wanted, least), mostColumns);
}

function wordsOf({ weight }: ProductShape): readonly CodeWords[] {
  if (weight.layout !== 'blocks') return [1];
  const all: readonly CodeWords[] = [4, 2, 1];
  return all.filter((words) => codesIn(weight, words) <= weight.blockSize);
}

function unitOf(
  { inputs, weight }: ProductShape,
  words: CodeWords,
): Pick<VectorSplit, 'words' | 'vectors' | 'units'> {
  if (weight.layout !== 'blocks') return { words, vectors: 1, units: vectorsOf(inputs) };
  const codes = codesIn(weight, words);
  const units = (blocksOf(weight, inputs) * weight.blockSize) / codes;
  return { words, vectors: codes / 4, units };
}

/** As many units as registers take, where few of them lie behind the row. */
function chunksOf(
  shape: ProductShape,
  words: CodeWords,
  steps: number,
): Pick<VectorSplit, 'chunk' | 'chunks'> {
  const registers = (shape.weight.layout === 'blocks' ? words : 4) * 4 * halvesOf(shape);
  let chunk = Math.max(1, Math.min(steps, Math.floor(64 / registers)));
  while (Math.ceil(steps / chunk) * chunk > 1.2 * steps) chunk--;
  return { chunk, chunks: Math.ceil(steps / chunk) };
}

/** The largest power of two that is not larger, at least 1. */
function powerWithin(value: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(value, 1)));
}
