// The transformers.js before 4, whose ONNX Runtime is of 2025, reads what is converted for it.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { weightFormats } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert, type ConvertOptions } from '../../src/convert.ts';
import { createOutput } from '../../src/onnx/file-sink.ts';
import { idRows } from '../id-rows.ts';
import { must } from '../must.ts';
import { goldenFolder, goldenOf } from '../output-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
const child = join(import.meta.dirname, '../children/transformers-3.mjs');

/** What is converted for it, and what is not. */
const folders = {
  fit: { target: 'portable', dtypes: weightFormats, numLogitsToKeep: false },
  'with-num-logits': { target: 'portable', dtypes: ['fp32'] },
  onnxruntime: { target: 'onnxruntime', dtypes: ['fp32'], numLogitsToKeep: false },
} as const satisfies Record<string, ConvertOptions>;

beforeAll(async () => {
  for (const [name, options] of Object.entries(folders)) {
    const output = await createOutput(join(root, name), { force: false });
    await convert(await openFolder(join(goldenFolder, 'shakespeare')), output, options);
    await output.publish();
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Prompt {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  /** Tokens of a row with its continuation. */
  readonly length: number;
}

interface Found {
  readonly version: string;
  readonly continuations: readonly (readonly (readonly number[])[])[];
}

/** Continues prompts in a process of its own; what it prints, or what it fails with. */
function continued(
  id: keyof typeof folders,
  dtype: string,
  prompts: readonly Prompt[],
): Promise<Found> {
  return new Promise((resolve, reject) => {
    const args = [child, `${root}/`, id, dtype];
    const running = execFile(process.execPath, args, (error, stdout, stderr) =>
      error === null ? resolve(JSON.parse(stdout) as Found) : reject(new Error(stderr)),
    );
    running.stdin?.end(JSON.stringify(prompts));
  });
}

const short: Prompt = { ids: [[1, 2, 3]], mask: [[1, 1, 1]], length: 6 };

test('continues prompts and left-padded batches as transformers does', async () => {
  const { prompts } = await goldenOf('shakespeare');
  const recorded = prompts.filter(({ greedy }) => greedy !== undefined);
  expect(recorded.map(({ name }) => name)).toContain('batch-left-pad');
  const expected = recorded.map(({ greedy }) => idRows(must(greedy, 'continuation')));
  const { version, continuations } = await continued(
    'fit',
    'fp32',
    recorded.map(({ inputIds, attentionMask }, i) => ({
      ids: idRows(inputIds),
      mask: idRows(attentionMask),
      length: must(expected[i]?.[0], 'row').length,
    })),
  );
  expect(version).toMatch(/^3\./);
  expect(continuations).toEqual(expected);
});

test.each(weightFormats)('takes %s', async (dtype) => {
  const { continuations } = await continued('fit', dtype, [short]);
  expect(continuations[0]?.[0]?.slice(0, 3)).toEqual([1, 2, 3]);
  expect(continuations[0]?.[0]).toHaveLength(6);
});

test('does not feed the input that --no-num-logits-to-keep leaves out', async () => {
  await expect(continued('with-num-logits', 'fp32', [short])).rejects.toThrow(
    /Missing the following inputs: num_logits_to_keep/,
  );
});

test('does not know the opset of the onnxruntime target', async () => {
  await expect(continued('onnxruntime', 'fp32', [short])).rejects.toThrow(
    /Opset 24 is under development/,
  );
});
