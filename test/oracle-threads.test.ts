import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OracleThreads, startOracleThreads } from '../src/cli/oracle-threads.ts';
import { linear } from '../src/validate/oracle-linear.ts';

// threads load JavaScript, so the pool is the built one
const built = pathToFileURL(join(import.meta.dirname, '../dist/src/cli/oracle-threads.js')).href;
let threads: OracleThreads;

beforeAll(async () => {
  const pool = (await import(/* @vite-ignore */ built)) as {
    readonly startOracleThreads: typeof startOracleThreads;
  };
  threads = pool.startOracleThreads(3);
});

afterAll(() => threads.close());

describe('products on threads', () => {
  it.each([
    ['few rows, columns that divide', 2, 256, 600],
    ['one column more', 5, 128, 601],
    ['one row', 1, 512, 1023],
    ['fewer columns than threads', 64, 4096, 2],
    ['so few that no thread is told', 3, 5, 7],
  ])('are those of one thread for %s', async (_, rows, inDim, outDim) => {
    const x = new Float64Array(new SharedArrayBuffer(8 * rows * inDim));
    const weight = new Float32Array(new SharedArrayBuffer(4 * outDim * inDim));
    for (const array of [x, weight]) {
      for (let i = 0; i < array.length; i++) array[i] = Math.sin(i * 1.7) + 1 / (i + 1);
    }
    expect(await threads.linear(x, rows, weight, inDim, outDim)).toEqual(
      await linear(x, rows, weight, inDim, outDim),
    );
  });
});
