// gptq from the checkpoint to files: closer than rtn, the same bytes on any number of threads, and
// every kind of model.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Manifest, modelPaths } from '../src/base/manifest.ts';
import { callingThread } from '../src/calibrate/engine.ts';
import { roundWeights } from '../src/calibrate/round.ts';
import { embedding } from '../src/calibrate/stream.ts';
import { weightsOf } from '../src/calibrate/weights.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ConvertOptions } from '../src/convert.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { builtThreads } from './built-threads.ts';
import { caseFolder, command, documentOf, errorLine, noGpu } from './command.ts';
import { goldenOpener } from './golden-case.ts';
import { convertCase, goldenOf, verifyFolder } from './output-folder.ts';
import { differenceOf } from './runner-difference.ts';
import { temporaryFolder } from './tree.ts';

const verse = `Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date;
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou ow'st;
Nor shall death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st:
So long as men can breathe or eyes can see,
So long lives this, and this gives life to thee.

BENVOLIO:
Good morrow, cousin.

ROMEO:
Is the day so young? Ay me! sad hours seem long.
Was that my father that went hence so fast?

KING HENRY:
Once more unto the breach, dear friends, once more;
Or close the wall up with our English dead.`;

const opened = goldenOpener();
const threads = builtThreads(3);

const hashesOf = ({ outputs }: Manifest): readonly string[] =>
  outputs.map(({ path, sha256 }) => `${path} ${sha256}`);

test('a trained model passes its gates, and threads change no byte', async () => {
  const options: ConvertOptions = {
    dtypes: ['q4'],
    target: 'onnxruntime',
    quantization: { method: 'gptq' },
    calibration: verse,
  };
  const output = await convertCase('shakespeare', { ...options, engine: threads().engine });
  expect((await verifyFolder(output, await goldenOf('shakespeare'))).passed).toBe(true);
  expect(output.manifest.quantization).toMatchObject({
    method: 'gptq',
    calibration: { source: 'text', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  const again = await convertCase('shakespeare', options);
  expect(hashesOf(again.manifest)).toEqual(hashesOf(output.manifest));
  const plain = await convertCase('shakespeare', { ...options, quantization: { method: 'rtn' } });
  expect(hashesOf(plain.manifest)).not.toEqual(hashesOf(output.manifest));
});

test.each([
  ['clm-biases-untied', 'model'],
  ['base-model', 'random'],
])('%s needs no text, and its codes mean what it computes', async (name, source) => {
  const { path, manifest } = await convertCase(name, {
    dtypes: ['q4'],
    target: 'onnxruntime',
    quantization: { method: 'gptq', accuracyLevel: 0 },
    engine: threads().engine,
  });
  const calibration = { source, seed: 0, tokens: 8192 };
  expect(manifest.quantization).toMatchObject({ calibration });
  const models = await openFolder(join(path, 'onnx'));
  const reference = await openReferenceFile(models, modelPaths.q4.replace('onnx/', ''));
  const runtime = await openOnnxRuntime(join(path, modelPaths.q4));
  expect(await differenceOf([reference, runtime], await opened(name))).toBeLessThan(1e-4);
});

test('a tied table is rounded also where nothing of a text reaches it', async () => {
  const { config, task, tensors } = await opened('clm-default');
  const weights = weightsOf(tensors, callingThread);
  const readIf = async (name: string): Promise<Float32Array | undefined> => {
    const values = await weights.readIf(name);
    return name === 'lm_head.norm.weight' ? values?.fill(0) : values;
  };
  const read = async (name: string): Promise<Float32Array> =>
    (await readIf(name)) ?? (await weights.read(name));
  const sequences = [Int32Array.of(1, 2, 3)];
  const rounded = await roundWeights(
    {
      config,
      task,
      weights: { ...weights, read, readIf },
      engine: callingThread,
      sequences,
      onRounded: () => undefined,
    },
    new Map([[embedding, { bits: 4, blockSize: 32, symmetric: false }]]),
  );
  const [{ scales } = { scales: [] }] = rounded.values();
  expect(scales).toHaveLength((config.vocabSize * config.hiddenSize) / 32);
  expect(scales.every((scale) => Number.isFinite(scale))).toBe(true);
});

/** Arguments; $ is the folder of a trained classifier. */
function words(line: string): readonly string[] {
  return line.split(' ').map((word) => word.replace('$', caseFolder('shakespeare-mood')));
}

describe('the command', () => {
  test('says what took how long, and reads the text from a file', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'verse.txt'), verse);
    const ran = await command(
      [
        ...words('convert $ -o out --dtype q8,q4f16 --target portable --json --golden $'),
        ...words('--method gptq --calibration verse.txt'),
      ],
      { cwd, env: noGpu },
    );
    expect(ran.status).toBe(0);
    expect(ran.stderr).toMatch(/warning: the calibration text has \d+ tokens/);
    expect(ran.stderr).toMatch(/note: gptq: \d+ rounded weights in [\d.]+ s on \d+ threads/);
    const tokens = expect.any(Number);
    expect(documentOf(ran)).toMatchObject({
      manifest: { quantization: { method: 'gptq', calibration: { source: 'text', tokens } } },
    });
    const manifest = readFileSync(join(cwd, 'out', 'modernbert-onnx.json'), 'utf8');
    expect(manifest).not.toContain('verse.txt');
  });

  test.each([
    ['an empty text', '', [], 65, /CALIBRATION_EMPTY/],
    ['a text that is not UTF-8', '\xff', [], 65, /FILE_KIND/],
    ['a text for rtn', 'a', ['--method', 'rtn'], 2, /belongs to --method gptq/],
    ['another method', 'a', ['--method', 'awq'], 2, /Allowed choices are rtn, gptq/],
    ['a text that is missing', 'a', ['--calibration', 'none'], 66, /INPUT_MISSING/],
    ['a wrong text in a dry run', '\xff', ['--dry-run'], 65, /FILE_KIND/],
  ])('refuses %s', async (_, text, more, status, message) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'text'), text, 'latin1');
    const ran = await command(
      [...words('convert $ -o out --dtype q4 --method gptq --calibration text'), ...more],
      { cwd },
    );
    expect(ran.status).toBe(status);
    expect(errorLine(ran)).toMatch(message);
  });
});
