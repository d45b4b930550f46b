// The built command from outside, where all goes well: statuses, streams and documents.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseFolder, command, documentOf, noGpu } from './command.ts';
import { temporaryFolder, treeOf } from './tree.ts';

const shakespeare = caseFolder('shakespeare');

describe('convert', () => {
  it('writes a folder named after the source, and says what is in it', async () => {
    const cwd = temporaryFolder();
    const ran = await command(['convert', shakespeare], { cwd });
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/^Converted shakespeare \(text-generation, 1,257,472 parameters\)/);
    expect(ran.stdout).toContain('onnx/model.onnx_data');
    expect(readdirSync(cwd)).toEqual(['shakespeare-onnx']);
    expect(Object.keys(treeOf(join(cwd, 'shakespeare-onnx')))).toEqual([
      'config.json',
      'genai_config.json',
      'generation_config.json',
      'modernbert-onnx.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it('prints one document with --json, and nothing else on stdout', async () => {
    const cwd = temporaryFolder();
    const document = documentOf(
      await command(['convert', shakespeare, '-o', 'out', '--json'], { cwd }),
    );
    expect(document).toMatchObject({
      schemaVersion: 1,
      tool: 'modernbert-onnx',
      command: 'convert',
      status: 'pass',
      exitCode: 0,
      output: { folder: join(cwd, 'out') },
      manifest: { task: 'text-generation', target: 'onnxruntime', dtypes: ['fp32'] },
      warnings: [],
    });
  });

  it('plans without writing', async () => {
    const cwd = temporaryFolder();
    const planned = documentOf(
      await command(['convert', shakespeare, '--dry-run', '--json'], { cwd }),
    );
    expect(readdirSync(cwd)).toEqual([]);
    expect(planned).toMatchObject({ dryRun: true, nodes: { perLayer: 8 } });
    expect(planned['peakMemory']).toBeGreaterThan(1e8);
    const { manifest } = documentOf(await command(['convert', shakespeare, '--json'], { cwd })) as {
      manifest: { outputs: { path: string; size: number }[] };
    };
    const sizes = manifest.outputs.map(({ path, size }) => `${path} ${size}`);
    const files = planned['files'] as { path: string; size: number }[];
    expect(files.map(({ path, size }) => `${path} ${size}`).toSorted()).toEqual(sizes);
    expect((await command(['convert', shakespeare, '--dry-run'], { cwd })).stdout).toContain(
      '8 in a decoder layer',
    );
  });

  it('verifies against a recorded case, and records the figures', async () => {
    const cwd = temporaryFolder();
    const args = ['convert', shakespeare, '-o', 'out', '--golden', shakespeare];
    const ran = await command(args, { cwd, env: noGpu });
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/pass: fp32 on onnxruntime/);
    const manifest: unknown = JSON.parse(
      readFileSync(join(cwd, 'out/modernbert-onnx.json'), 'utf8'),
    );
    expect(manifest).toMatchObject({ verifications: [{ golden: 'shakespeare', passed: true }] });
  });

  it('verifies against the oracle, and leaves what it computed', async () => {
    const cwd = temporaryFolder();
    const ran = await command(['convert', caseFolder('base-model'), '-o', 'out', '--verify'], {
      cwd,
    });
    expect(ran.status).toBe(0);
    expect(ran.stderr).toMatch(/computing reference outputs .* on \d+ threads/);
    expect((await command(['verify', 'out'], { cwd })).status).toBe(0);
    expect((await command(['verify', 'out', '--runtime', 'reference'], { cwd })).status).toBe(0);
    const { verifications } = JSON.parse(
      readFileSync(join(cwd, 'out/modernbert-onnx.json'), 'utf8'),
    ) as { verifications: { runtime: string }[] };
    expect(verifications.map(({ runtime }) => runtime.split(' ')[0])).toEqual([
      'reference',
      'webgpu',
    ]);
  });

  it('publishes nothing when a model fails', async () => {
    const cwd = temporaryFolder();
    const args = ['convert', caseFolder('clm-default'), '-o', 'out'];
    // another checkpoint's outputs, for the same vocabulary
    const ran = await command([...args, '--golden', caseFolder('clm-bf16'), '--json'], {
      cwd,
      env: noGpu,
    });
    expect([ran.status, documentOf(ran)['status']]).toEqual([1, 'fail']);
    expect(readdirSync(cwd)).toEqual([]);
  });
});
