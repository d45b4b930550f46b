// Padding at either end of any chunk, at random: every real token gets the logits that it gets in a
// text without padding, run at once.

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Target } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { openSource } from '../src/model/source.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { type Cache, type Model, modelOf } from '../src/base/model.ts';
import { convertCase, goldenFolder } from './output-folder.ts';

const name = 'clm-default'; // a window of 8, so that chunks of 12 cross it
const vocabSize = 512;

/** A row's part of a chunk: zeros, tokens, zeros. */
interface Part {
  readonly lead: number;
  readonly real: number;
}

interface Chunk {
  readonly size: number;
  /** One for each row. */
  readonly parts: readonly Part[];
}

/** What the mask of a chunk can be: all of it, or zeros at its ends, or nothing but zeros. */
function partOf(size: number): fc.Arbitrary<Part> {
  const some = fc.nat(size).chain((lead) => fc.nat(size - lead).map((real) => ({ lead, real })));
  return fc.oneof(some, fc.constant({ lead: 0, real: size }));
}

function chunkOf(rows: number, maxSize: number): fc.Arbitrary<Chunk> {
  return fc
    .integer({ min: 1, max: maxSize })
    .chain((size) =>
      fc
        .array(partOf(size), { minLength: rows, maxLength: rows })
        .map((parts) => ({ size, parts })),
    );
}

/** Chunks of one batch; those after the first have `laterSize` columns at most. */
function chunksOf(rows: number, laterSize: number): fc.Arbitrary<readonly Chunk[]> {
  return fc
    .tuple(chunkOf(rows, 12), fc.array(chunkOf(rows, laterSize), { maxLength: 4 }))
    .map(([first, later]) => [first, ...later]);
}

// ONNX Runtime's own attention appends several tokens to a single row only.
const patterns: Readonly<Record<Target, fc.Arbitrary<readonly Chunk[]>>> = {
  onnxruntime: fc.oneof(chunksOf(1, 12), chunksOf(3, 1)),
  portable: fc.oneof(chunksOf(1, 12), chunksOf(3, 12)),
};

/** The token at a place of a row's text. */
const tokenAt = (row: number, at: number): bigint =>
  BigInt(4 + ((row * 131 + at * 37) % (vocabSize - 4)));

/** Logits of every real token by row, chunk after chunk. */
async function run(
  model: Model,
  chunks: readonly Chunk[],
): Promise<readonly (readonly Float32Array[])[]> {
  const rows = chunks[0]?.parts.length ?? 0;
  const found = Array.from({ length: rows }, (): Float32Array[] => []);
  const masks = Array.from({ length: rows }, (): bigint[] => []);
  let cache: Cache | undefined;
  for (const { size, parts } of chunks) {
    const ids = parts.flatMap(({ lead, real }, row) =>
      Array.from({ length: size }, (_, column) => {
        const isReal = column >= lead && column < lead + real;
        masks[row]?.push(isReal ? 1n : 0n);
        return isReal ? tokenAt(row, (found[row]?.length ?? 0) + column - lead) : 3n;
      }),
    );
    const outputs = await model.run({
      batch: rows,
      ids: BigInt64Array.from(ids),
      mask: BigInt64Array.from(masks.flat()),
      ...(cache && { cache }),
    });
    for (const [row, { lead, real }] of parts.entries()) {
      for (let column = 0; column < size; column++) {
        const vector = outputs.vector(row, column);
        if (column >= lead && column < lead + real) found[row]?.push(vector.slice());
        else if (!vector.every(Number.isFinite)) throw new RangeError(`row ${row} is not finite`);
      }
    }
    ({ cache } = outputs);
  }
  return found;
}

function worstDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const differences = a.flatMap((vector, at) =>
    Array.from(vector, (value, i) => Math.abs(value - (b[at]?.[i] ?? Number.NaN))),
  );
  return differences.reduce((worst, each) => Math.max(worst, each), 0);
}

/** Converts the case and runs `work` on its model. */
async function withModel(target: Target, work: (model: Model) => Promise<void>): Promise<void> {
  const output = await convertCase(name, { dtypes: ['fp32'], target });
  const { config, checkpoint } = await openSource(await openFolder(join(goldenFolder, name)), {});
  await checkpoint.close();
  const runner = await openOnnxRuntime(join(output.path, 'onnx/model.onnx'));
  await work(modelOf(runner, config, 'text-generation')).finally(() => runner.close());
}

/** Logits of the first tokens of a row's text, run at once. */
async function plain(model: Model, row: number, length: number): Promise<readonly Float32Array[]> {
  const { vector } = await model.run({
    batch: 1,
    ids: BigInt64Array.from({ length }, (_, at) => tokenAt(row, at)),
    mask: new BigInt64Array(length).fill(1n),
  });
  return Array.from({ length }, (_, at) => vector(0, at));
}

test.each(['onnxruntime', 'portable'] as const)(
  'padding changes no token, for %s',
  async (target) => {
    await withModel(target, async (model) => {
      await fc.assert(
        fc.asyncProperty(patterns[target], async (chunks) => {
          for (const [row, padded] of (await run(model, chunks)).entries()) {
            if (padded.length === 0) continue;
            const expected = await plain(model, row, padded.length);
            expect(worstDifference(padded, expected)).toBeLessThan(2e-5);
          }
        }),
        { numRuns: 200 },
      );
    });
  },
);
