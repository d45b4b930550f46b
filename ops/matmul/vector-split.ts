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

/** What fills a large GPU, and what leaves it no long last round. */
const leastGroups = 96;
const wantedGroups = 256;

const mostThreads = 128;
const mostColumns = 8;
/** For what is read of the weight before it is worked on. */
const mostRegisters = 80;

export function vectorSplit(shape: ProductShape, { workgroupSize }: GpuLimits): VectorSplit {
  const columns = columnsOfGroup(shape);
  const most = Math.min(workgroupSize, mostThreads) / columns;
  const splits = wordsOf(shape).flatMap((words) => {
    const size = unitOf(shape, words);
    const within = Math.min(most, powerWithin(size.units));
    return [within, within / 2, within / 4]
      .filter((slices) => slices >= 1)
      .map((slices) => ({
        columns,
        slices,
        ...size,
        ...chunksOf(shape, size, Math.ceil(size.units / slices)),
      }));
  });
  return splits.reduce((best, split) => (costOf(split) < costOf(best) ? split : best));
}

/** Work with nothing to do, too few threads to hide a read behind others, short reads. */
function costOf({ columns, slices, words, units, chunk, chunks }: VectorSplit): number {
  const work = (slices * chunk * chunks) / units;
  const few = 0.2 * Math.max(0, Math.log2(64 / (columns * slices)));
  return work + few + 0.1 * Math.log2(4 / words);
}

function columnsOfGroup(shape: ProductShape): number {
  const { weight } = shape;
  const vectors = vectorsOf(columnsOf(shape));
  const wanted = Math.min(powerWithin(vectors / wantedGroups), mostColumns);
  if (weight.layout !== 'in-out') return wanted;
  // memory gives 32 bytes at a time
  const sector = 8 / elementBytes(weight.element);
  return Math.max(wanted, vectors / sector < leastGroups ? 2 : sector);
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
  { words, vectors }: Pick<VectorSplit, 'words' | 'vectors'>,
  steps: number,
): Pick<VectorSplit, 'chunk' | 'chunks'> {
  const packed = shape.weight.layout === 'blocks';
  const registers = (packed ? words : 4) * 4 * halvesOf(shape);
  // unpacking makes long code, which has to stay in the instruction cache
  const most = Math.min(steps, Math.floor(mostRegisters / registers), packed ? 8 / vectors : steps);
  let chunk = Math.max(1, Math.floor(most));
  while (Math.ceil(steps / chunk) * chunk > 1.2 * steps) chunk--;
  return { chunk, chunks: Math.ceil(steps / chunk) };
}

/** The largest power of two that is not larger, at least 1. */
function powerWithin(value: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(value, 1)));
}
