// What Python's consumers make of written folders: onnx's checker, ONNX Runtime, optimum's calls, and
// the packages themselves where they are installed. PYTHON names another interpreter than python3.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { type Target, type WeightFormat, weightFormats } from '../../src/base/manifest.ts';
import { openFolder } from '../../src/checkpoint/file-source.ts';
import { convert } from '../../src/convert.ts';
import { createOutput } from '../../src/onnx/file-sink.ts';
import { goldenFolder } from '../output-folder.ts';

interface Folder {
  readonly golden: string;
  readonly target: Target;
  readonly dtypes: readonly WeightFormat[];
  readonly numLogitsToKeep?: boolean;
}

const unasked = { golden: 'shakespeare', dtypes: weightFormats, numLogitsToKeep: false } as const;

const folders: Readonly<Record<string, Folder>> = {
  'text-onnxruntime': { ...unasked, target: 'onnxruntime' },
  'text-portable': { ...unasked, target: 'portable' },
  features: { golden: 'base-model', target: 'onnxruntime', dtypes: ['fp32', 'q4f16'] },
  classes: { golden: 'shakespeare-mood', target: 'portable', dtypes: ['fp32', 'q4f16'] },
  asking: { golden: 'shakespeare', target: 'onnxruntime', dtypes: ['fp32'] },
};

/** With an input that optimum does not feed. */
const asking = 'asking';

const python = process.env['PYTHON'] ?? 'python3';
const script = join(import.meta.dirname, '../python/check_consumers.py');
const root = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Verdict {
  readonly folder: string;
  readonly check: string;
  readonly verdict: string;
  readonly says: string;
}

interface Ran {
  readonly status: number | null;
  readonly verdicts: readonly Verdict[];
  /** Why nothing could be checked. */
  readonly missing?: string;
}

/** Runs the checks on pairs of a folder and its golden. */
function runChecks(pairs: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(python, ['-B', script, ...pairs], {
    encoding: 'utf8',
  });
  if (error) return { status, verdicts: [], missing: `${python}: ${error.message}` };
  if (status === 2) return { status, verdicts: [], missing: stderr.trim() };
  const lines = stdout.matchAll(/^(\S+): (.+?): (pass|skip|FAIL) {2}(.*)$/gm);
  const verdicts = [...lines].map(([, folder = '', check = '', verdict = '', says = '']) => ({
    folder,
    check,
    verdict,
    says,
  }));
  return { status, verdicts };
}

let ran: Ran;
beforeAll(async () => {
  ran = runChecks([]);
  if (ran.missing !== undefined) return;
  for (const [name, { golden, ...options }] of Object.entries(folders)) {
    const output = await createOutput(join(root, name), { force: false });
    await convert(await openFolder(join(goldenFolder, golden)), output, options);
    await output.publish();
  }
  ran = runChecks(
    Object.entries(folders).map(
      ([name, { golden }]) => `${join(root, name)}=${join(goldenFolder, golden)}`,
    ),
  );
}, 180_000);

/** The verdicts of a check, on the folders that are for everyone or on one of them. */
function verdictsOf(check: string, { skip }: TestContext, folder?: string): readonly Verdict[] {
  if (ran.missing !== undefined) skip(ran.missing);
  return ran.verdicts.filter(
    (each) =>
      each.check === check &&
      (folder === undefined ? each.folder !== asking : each.folder === folder),
  );
}

const always = ['onnx.checker', 'onnxruntime', "optimum's files", "optimum's calls"];

test.for(always)('a folder is fit for %s', (check, context) => {
  const verdicts = verdictsOf(check, context);
  const others = Object.keys(folders).filter((name) => name !== asking);
  expect(verdicts.map(({ folder }) => folder)).toEqual(others);
  expect(verdicts.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

test('every model file of a folder is checked', (context) => {
  for (const { says } of verdictsOf('onnx.checker', context, 'text-portable')) {
    expect(says.split(', ')).toHaveLength(weightFormats.length);
  }
});

test('num_logits_to_keep is what optimum does not feed, and the checks say so', (context) => {
  const [calls] = verdictsOf("optimum's calls", context, asking);
  expect(calls).toMatchObject({
    verdict: 'FAIL',
    says: expect.stringContaining('num_logits_to_keep is required'),
  });
  expect(ran.status).toBe(1);
});

test.for(['transformers', 'optimum', 'onnxruntime-genai'])(
  'a folder is fit for %s itself, where it is installed',
  (check, context) => {
    const verdicts = verdictsOf(check, context);
    expect(verdicts.filter(({ verdict }) => verdict === 'FAIL')).toEqual([]);
    if (verdicts.every(({ verdict }) => verdict === 'skip')) context.skip(verdicts[0]?.says);
  },
);
