// Threads of rounding for the tests of a file. Threads load JavaScript, so the pool is the built one.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { RoundThreads, startRoundThreads } from '../src/cli/round-threads.ts';
import { must } from './must.ts';

const built = pathToFileURL(join(import.meta.dirname, '../dist/src/cli/round-threads.js')).href;

/** Starts threads before the first test, and ends them after the last. */
export function builtThreads(count: number): () => RoundThreads {
  let threads: RoundThreads | undefined;
  beforeAll(async () => {
    const pool = (await import(/* @vite-ignore */ built)) as {
      readonly startRoundThreads: typeof startRoundThreads;
    };
    threads = pool.startRoundThreads(count);
  });
  afterAll(() => threads?.close());
  return () => must(threads, 'threads');
}
