// Golden cases opened: config, weights and what transformers computed.

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import type { TensorRef } from '../src/base/tensors.ts';
import { fileSource, openFolder } from '../src/checkpoint/file-source.ts';
import { openCheckpoint } from '../src/checkpoint/open.ts';
import { readConfig } from '../src/config/read.ts';
import { readGolden, type GoldenPrompt } from '../src/validate/golden.ts';

const golden = join(import.meta.dirname, '../golden');

/** The names of all golden cases. */
export const goldenCases: readonly string[] = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

export interface GoldenCase {
  readonly config: ModernBertDecoderConfig;
  readonly tensors: ReadonlyMap<string, TensorRef>;
  readonly task: Task;
  readonly prompts: readonly GoldenPrompt[];
}

/** A function that opens golden cases; their files are closed after the tests of the file. */
export function goldenOpener(): (name: string) => Promise<GoldenCase> {
  const closing: (() => Promise<void>)[] = [];
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
  });
  return async (name) => {
    const folder = join(golden, name);
    const { config } = readConfig(await readFile(join(folder, 'config.json'), 'utf8'));
    const checkpoint = await openCheckpoint(await openFolder(folder));
    closing.push(() => checkpoint.close());
    const source = await fileSource(join(folder, 'golden.safetensors'));
    const { task, prompts } = await readGolden(source).finally(() => source.close());
    return { config, tensors: checkpoint.tensors, task, prompts };
  };
}
