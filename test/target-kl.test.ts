// `--target-kl` from the checkpoint to files: closer where less is allowed, as ONNX Runtime measures
// it on other tokens, the same bytes every time, and what cannot be met is said.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type FormatChoice,
  type KeepRule,
  type Manifest,
  modelPaths,
} from '../src/base/manifest.ts';
import { parseManifest } from '../src/base/manifest-reader.ts';
import { modelOf } from '../src/base/model.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openTokenizer } from '../src/runtime/text/tokenizer.ts';
import { compareModels } from '../src/validate/compare.ts';
import { cutWindows } from '../src/validate/compare-windows.ts';
import { builtThreads } from './built-threads.ts';
import { copyOf, editWeights, setValue } from './checkpoint-copy.ts';
import { caseFolder, command, documentOf, errorLine, noGpu } from './command.ts';
import { goldenOpener } from './golden-case.ts';
import { must } from './must.ts';
import { convertCase, type OutputFolder } from './output-folder.ts';
import { temporaryFolder } from './tree.ts';

const text = readFileSync(join(import.meta.dirname, '../bench/shakespeare-validation.txt'), 'utf8');

/** A window to measure on, and a shorter one to choose on. */
const chosenOn = text.slice(0, 1250);

const opened = goldenOpener();
const threads = builtThreads(2);

const converted = (options: Partial<ConvertOptions>): Promise<OutputFolder> =>
  convertCase('shakespeare', { dtypes: ['q4'], target: 'onnxruntime', ...options });

const choiceOf = ({ quantization }: Manifest): FormatChoice =>
  must(quantization?.choices?.[0], 'a choice');

const bytesOf = ({ outputs }: Manifest): number =>
  outputs.filter(({ path }) => /q4|quantized/.test(path)).reduce((sum, { size }) => sum + size, 0);

/** Bytes that raised units take more. */
const moreOf = (manifest: Manifest): number =>
  choiceOf(manifest).units.reduce(
    (sum, { format, bytes }) => sum + (format === 'q8' ? bytes : 0),
    0,
  );

const hashesOf = ({ outputs }: Manifest): readonly string[] =>
  outputs.map(({ path, sha256 }) => `${path} ${sha256}`);

/** KL divergences on ONNX Runtime of q4 models from fp32, on tokens that nothing was chosen on. */
async function comparedTo(
  fp32: OutputFolder,
  others: readonly OutputFolder[],
): Promise<readonly number[]> {
  const { config } = await opened('shakespeare');
  const tokenizer = await openTokenizer(await openFolder(caseFolder('shakespeare')));
  const windows = cutWindows(tokenizer.encode(text.slice(1250, 7250)), 256);
  const paths = [
    join(fp32.path, modelPaths.fp32),
    ...others.map(({ path }) => join(path, modelPaths.q4)),
  ];
  const models = await Promise.all(
    paths.map(async (path) => modelOf(await openOnnxRuntime(path), config, 'text-generation')),
  );
  const [base, ...rest] = models;
  const found = await compareModels(must(base, 'a model'), rest, windows, { batch: 4 });
  return found.others.map(({ kl }) => kl);
}

/** Five of seven layers: beside them there are few units, and little to run for each. */
const given: readonly KeepRule[] = [0, 1, 2, 3, 4].map((layer) => ({
  pattern: `layers.${layer}.*`,
  format: 'q8',
}));

test('targets are met on other tokens too, by as few bytes as each asks for', async () => {
  const options = { calibration: chosenOn, quantization: { keep: given } };
  const loose = await converted({ ...options, targetKl: 0.02, engine: threads().engine });
  const tight = await converted({ ...options, targetKl: 0.004, engine: threads().engine });
  const q8 = await converted({ dtypes: ['fp32', 'q8'] });
  const [looseKl = 0, tightKl = 0] = await comparedTo(q8, [loose, tight]);
  // few tokens were measured, and other text may be harder
  expect([looseKl, looseKl < 0.02 * 1.15]).toContain(true);
  expect([tightKl, tightKl < 0.004 * 1.15]).toContain(true);
  expect(looseKl).toBeGreaterThan(1.5 * tightKl);
  expect(bytesOf(loose.manifest)).toBeLessThan(bytesOf(tight.manifest));
  expect(bytesOf(tight.manifest)).toBeLessThan(bytesOf(q8.manifest));

  const choice = choiceOf(tight.manifest);
  expect(choice).toMatchObject({ target: 0.004, format: 'q4', raised: 'q8', heldOut: true });
  expect(choice.kl + 2 * choice.standardError).toBeLessThanOrEqual(0.004);
  const rules = choice.units.flatMap(({ pattern, format }) =>
    format === 'q8' ? [{ dtype: 'q4', pattern, format }] : [],
  );
  expect(tight.manifest.quantization?.keep).toEqual([...rules, ...given]);
  expect(choice.units.filter(({ pattern }) => /^layers\.[0-4]/.test(pattern))).toEqual([]);
  const difference = bytesOf(tight.manifest) - bytesOf(loose.manifest);
  const asked = moreOf(tight.manifest) - moreOf(loose.manifest);
  expect(Math.abs(difference - asked)).toBeLessThan(2000); // rows that the data file aligns, and nodes

  const again = await converted({ ...options, targetKl: 0.02 });
  expect(hashesOf(again.manifest)).toEqual(hashesOf(loose.manifest));
  expect(again.manifest).toEqual(loose.manifest);
}, 180_000);

test('gptq meets a target, and codes of one mix of formats are not those of another', async () => {
  const options: Partial<ConvertOptions> = {
    calibration: chosenOn,
    quantization: { method: 'gptq', keep: [...given, { pattern: 'layers.5.*', format: 'q8' }] },
    targetKl: 0.012,
    engine: threads().engine,
  };
  const alone = await converted({ ...options, dtypes: ['fp32', 'q4'] });
  const q8 = await converted({ ...options, dtypes: ['q8'] });
  const beside = await converted({ ...options, dtypes: ['q8', 'q4'] });
  const [kl = 0] = await comparedTo(alone, [alone]);
  expect([kl, kl < 0.012 * 1.15]).toContain(true);
  const choice = choiceOf(alone.manifest);
  expect(choice).toMatchObject({ dtype: 'q4', target: 0.012, format: 'q4', heldOut: true });
  expect(new Set(choice.units.map(({ format }) => format))).toEqual(new Set(['q4', 'q8']));
  expect(beside.manifest.quantization?.choices?.[1]).toEqual(choice);
  // the same weights follow others in the other model, and have other codes in the same format
  const filesOf = ({ manifest }: OutputFolder, name: RegExp): readonly string[] =>
    hashesOf(manifest).filter((line) => name.test(line));
  expect(filesOf(beside, /q4/)).toEqual(filesOf(alone, /q4/));
  expect(filesOf(beside, /quantized/)).toEqual(filesOf(q8, /quantized/));
}, 120_000);

/** Arguments; $ is the folder of a trained classifier. */
function words(line: string): readonly string[] {
  return line.split(' ').map((word) => word.replace('$', caseFolder('shakespeare-mood')));
}

describe('the command', () => {
  test('says what it chose and why, of a classifier by its labels', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'text'), chosenOn);
    const options = words(
      '--dtype q8,q4,q4f16 --target-kl 0.001 --keep layers.*=q8 --calibration text',
    );
    const ran = await command([...words('convert $ -o out'), ...options], { cwd, env: noGpu });
    expect(ran.stderr).toMatch(/note: target-kl: \d+ measured models in [\d.]+ s on \d+ threads/);
    expect(ran.stdout).toMatch(/q4f16 for a KL divergence of 0\.001: .* tokens held out \(q4: /);
    const manifest = parseManifest(readFileSync(join(cwd, 'out/modernbert-onnx.json')));
    const [q8, q4, q4f16] = must(manifest.quantization?.choices, 'choices');
    expect(q8).toMatchObject({ dtype: 'q8', format: 'q8', raised: 'q8', units: [] });
    expect({ ...must(q4, 'a choice'), dtype: 'q4f16' }).toEqual(q4f16);
    const raised = must(q4f16, 'a choice').units.filter(({ format }) => format === 'q8');
    for (const { pattern } of raised)
      expect(ran.stdout).toMatch(new RegExp(`  ${pattern.replaceAll('*', '.')} +q8 `));
    const plan = await command([...words('convert $ --dry-run --json'), ...options], { cwd });
    expect(documentOf(plan)).toMatchObject({ choices: manifest.quantization?.choices });
  });

  test('refuses a checkpoint whose outputs are not finite', async () => {
    const folder = copyOf('cls-three-labels');
    await editWeights(folder, (tensors) => {
      setValue(tensors, 'model.layers.1.mlp.Wi.weight', 0, Number.NaN);
    });
    const ran = await command(['convert', folder, '--dtype', 'q4', '--target-kl', '0.01']);
    expect([ran.status, errorLine(ran)]).toEqual([65, expect.stringMatching(/WEIGHT_OVERFLOW/)]);
  });

  test.each([
    ['no number', '$ --dtype q4 --target-kl small', 2, /Expected is a number above 0/],
    ['nothing', '$ --dtype q4 --target-kl 0', 2, /Expected is a number above 0/],
    ['infinity', '$ --dtype q4 --target-kl Infinity', 2, /Expected is a number above 0/],
    ['floats', '$ --dtype fp32,fp16 --target-kl 0.1', 2, /by a quantized dtype/],
    [
      'hidden states',
      '$ --dtype q4 --task feature-extraction --target-kl 0.1',
      2,
      /or with labels/,
    ],
    ['what no format meets', '$ --dtype q8 --target-kl 1e-15', 69, /TARGET_UNMET.*best=\d/],
    ['rules that mean nothing', '$ --dtype q4 --target-kl 0.1 --keep no=q8', 2, /matches a weight/],
  ])('refuses %s', async (_, line, status, message) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'text'), text.slice(0, 200));
    const ran = await command(words(`convert ${line} -o out --calibration text`), { cwd });
    expect([ran.status, errorLine(ran)]).toEqual([status, expect.stringMatching(message)]);
  });
});
