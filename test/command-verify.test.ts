// The built command looking at what it wrote: verify and inspect.

import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine, noGpu } from './command.ts';

const source = caseFolder('clm-default');
let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  const args = ['convert', source, '--dtype', 'fp32,fp16', '--target', 'portable', '-o', 'out'];
  const { status, stderr } = await command(args, { cwd });
  if (status !== 0) throw new Error(stderr);
});

afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

/** Verifies on ONNX Runtime: a software GPU is slow. */
const verify = (...args: readonly string[]): ReturnType<typeof command> =>
  command(['verify', 'out', '--runtime', 'onnxruntime', ...args], { cwd });

const manifestText = (): string => readFileSync(join(cwd, 'out/modernbert-onnx.json'), 'utf8');

describe('verify', () => {
  it('holds every model against a case, records it, and writes JUnit', async () => {
    const ran = await verify('--golden', join(source, 'golden.safetensors'), '--junit', 'r.xml');
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(
      /onnx\/model\.onnx\n[^]*pass: fp32[^]*model_fp16\.onnx\n[^]*pass: fp16/,
    );
    const { verifications } = JSON.parse(manifestText()) as { verifications: object[] };
    expect(verifications).toMatchObject([
      { file: 'onnx/model.onnx', golden: 'clm-default', passed: true },
      { file: 'onnx/model_fp16.onnx', golden: 'clm-default', passed: true },
    ]);
    expect(readFileSync(join(cwd, 'r.xml'), 'utf8')).toMatch(/<testsuites .*failures="0"/);
  });

  it('computes on the GPU where nothing else is said', async () => {
    const features = caseFolder('base-model');
    await command(['convert', features, '-o', 'features'], { cwd });
    const ran = await command(['verify', 'features', '--golden', features, '--json'], { cwd });
    expect(documentOf(ran)).toMatchObject({
      status: 'pass',
      reports: [{ dtype: 'fp32', runtime: expect.stringMatching(/^webgpu \(.+\)$/) }],
      warnings: [],
    });
  });

  it('leaves the manifest alone with --no-record, and runs the dtype it is given', async () => {
    const before = manifestText();
    const ran = await verify('--golden', source, '--no-record', '--dtype', 'fp16', '--json');
    expect(documentOf(ran)).toMatchObject({
      command: 'verify',
      status: 'pass',
      reports: [{ file: 'onnx/model_fp16.onnx', verdict: 'pass' }],
    });
    expect(manifestText()).toBe(before);
  });

  it('fails with 1 where a stricter gate is missed', async () => {
    const args = ['--golden', source, '--gate', 'kl=0', '--no-record', '--json'];
    const ran = await verify(...args);
    expect([ran.status, documentOf(ran)['status']]).toEqual([1, 'fail']);
    expect((await verify('--golden', source, '--gate', 'kl=1', '--no-record')).status).toBe(2);
  });

  it.each([
    ['no golden', [], 66, 'INPUT_MISSING', /--golden/],
    ['a gate of no name', ['--golden', source, '--gate', 'x=1'], 2, 'USAGE', /kl=0.05/],
    // told before the golden case is looked for
    ['a JUnit file in no folder', ['--junit', 'a/b'], 73, 'OUTPUT_CREATE', /JUnit.*file=a\/b/],
    ['a JUnit file over a folder', ['--junit', 'out'], 73, 'OUTPUT_CREATE', /JUnit.*file=out/],
  ])('with %s ends with %3$s', async (_, args, status, code, message) => {
    const ran = await verify(...args, '--no-record');
    expect(ran.status).toBe(status);
    expect(errorLine(ran)).toMatch(new RegExp(`^error\\[${code}\\]: `));
    expect(errorLine(ran)).toMatch(message);
  });

  it.each([
    ['webgpu', 69, /^error\[RUNTIME_MISSING\]: there is no GPU adapter: .*`apt-get install /m],
    ['auto', 0, /^warning: there is no GPU adapter: .*; onnxruntime computes$/m],
  ])('without a GPU on %s ends with %i', async (runtime, status, message) => {
    const args = ['verify', 'out', '--golden', source, '--no-record', '--dtype', 'fp32'];
    const ran = await command([...args, '--runtime', runtime], { cwd, env: noGpu });
    expect([ran.status, ran.stderr]).toEqual([status, expect.stringMatching(message)]);
  });

  it('refuses a manifest that lists no hash of a model', async () => {
    const before = manifestText();
    const { outputs, ...rest } = JSON.parse(before) as { outputs: { path: string }[] };
    const others = outputs.filter(({ path }) => path !== 'onnx/model_fp16.onnx');
    try {
      writeFileSync(
        join(cwd, 'out/modernbert-onnx.json'),
        JSON.stringify({ ...rest, outputs: others }),
      );
      const ran = await verify('--golden', source, '--dtype', 'fp16');
      expect(ran.status).toBe(65);
      expect(errorLine(ran)).toMatch(/^error\[MANIFEST_INVALID\]: .*file=onnx\/model_fp16\.onnx/);
    } finally {
      writeFileSync(join(cwd, 'out/modernbert-onnx.json'), before);
    }
  });

  it('refuses a folder that convert did not write', async () => {
    const ran = await command(['verify', source]);
    expect([ran.status, errorLine(ran)]).toEqual([66, expect.stringContaining('no manifest')]);
  });

  it('refuses a file that is not the one that was written, before anything is run', async () => {
    const path = join(cwd, 'out/onnx/model.onnx_data');
    const data = readFileSync(path);
    const flipped = Buffer.from(data);
    flipped[1000] = (flipped[1000] ?? 0) ^ 1;
    try {
      writeFileSync(path, flipped);
      const ran = await verify('--golden', source);
      expect([ran.status, ran.stdout]).toEqual([65, '']);
      expect(errorLine(ran)).toMatch(/^error\[HASH_MISMATCH\]: .*file=onnx\/model\.onnx_data/);
      appendFileSync(path, 'x');
      expect((await verify('--golden', source)).status).toBe(65);
    } finally {
      writeFileSync(path, data);
    }
  });
});

describe('inspect', () => {
  it('describes a checkpoint', async () => {
    const ran = await command(['inspect', caseFolder('shakespeare')]);
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatchInlineSnapshot(`
      "shakespeare: ModernBertDecoder, text-generation
        parameters   1,257,472 in 61 tensors (F32)
        weights      5.0 MB
        vocabulary   2,048 tokens, 2046 is padding
        hidden size  128: 4 heads of 32
        mlp          192, gelu
        layers       3 × full attention, rope theta 160,000
                     4 × a window of 16 tokens, rope theta 10,000
        positions    1,024
        biases       projection
        projection   tied to the embedding
        files        case.json (177 B)
                     config.json (1.4 kB)
                     generation_config.json (225 B)
                     golden.safetensors (3.3 MB)
                     model.safetensors (5.0 MB)
                     tokenizer.json (123 kB)
                     tokenizer_config.json (296 B)
      "
    `);
  });

  it('describes a checkpoint for a script', async () => {
    const ran = await command(['inspect', caseFolder('cls-three-labels'), '--json']);
    expect(documentOf(ran)).toMatchObject({
      command: 'inspect',
      kind: 'checkpoint',
      task: 'text-classification',
      config: { labels: expect.arrayContaining([expect.any(String)]) },
    });
  });

  it('describes a model', async () => {
    const ran = await command(['inspect', 'out/onnx/model_fp16.onnx'], { cwd });
    expect(ran.stdout).toMatch(/^model_fp16\.onnx: text-generation, fp16, portable\n/);
    expect(ran.stdout).toContain('opsets ai.onnx 21, ai.modernbert 1');
    expect(ran.stdout).toContain('past_key_values.*.key float16 batch_size×');
    expect(ran.stdout).toContain('8 in a decoder layer');
    const document = documentOf(
      await command(['inspect', 'out/onnx/model.onnx', '--json'], { cwd }),
    );
    expect(document).toMatchObject({ kind: 'model', irVersion: 10, metadata: { dtype: 'fp32' } });
  });

  it.each([
    ['a model that is not there', 'out/onnx/none.onnx', 66],
    ['a folder of models', 'out/onnx', 69],
    ['a model that is no ONNX', 'text.onnx', 65],
  ])('of %s ends with its status', async (_, subject, status) => {
    writeFileSync(join(cwd, 'text.onnx'), 'no model');
    const ran = await command(['inspect', subject], { cwd });
    expect([ran.status, ran.stdout]).toEqual([status, '']);
    expect(errorLine(ran)).toMatch(/^error\[/);
  });
});
