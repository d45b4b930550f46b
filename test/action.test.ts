// The GitHub Action: its one script, run as its step does with the built package.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseFolder, noGpu } from './command.ts';
import { temporaryFolder } from './tree.ts';

const root = join(import.meta.dirname, '..');
const action = readFileSync(join(root, 'action.yml'), 'utf8');
const bin = join(root, 'dist/bin/modernbert-onnx.js');

interface ActionRun {
  readonly status: number | null;
  readonly stderr: string;
  readonly cwd: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly read: (path: string) => string;
}

/** Runs the step with inputs, as a runner does. */
function runAction(inputs: Readonly<Record<string, string>>): ActionRun {
  const cwd = temporaryFolder();
  const read = (path: string): string => readFileSync(join(cwd, path), 'utf8');
  for (const file of ['outputs', 'summary.md']) writeFileSync(join(cwd, file), '');
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'action/run.mjs')], {
    cwd,
    encoding: 'utf8',
    env: {
      ...process.env,
      ...noGpu,
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
      ),
      MODERNBERT_ONNX: JSON.stringify([process.execPath, bin]),
      REPORT_FOLDER: join(cwd, 'report'),
      GITHUB_OUTPUT: join(cwd, 'outputs'),
      GITHUB_STEP_SUMMARY: join(cwd, 'summary.md'),
    },
  });
  const lines = read('outputs').trimEnd().split('\n');
  const outputs = Object.fromEntries(lines.map((line) => line.split('=', 2) as [string, string]));
  return { status, stderr, cwd, outputs, read };
}

describe('the step', () => {
  it('converts, verifies, reports, and leaves a golden that no Python recorded', () => {
    const ran = runAction({ source: caseFolder('clm-default'), dtypes: 'fp32,fp16' });
    expect([ran.status, ran.outputs]).toEqual([
      0,
      { verdict: 'pass', folder: 'onnx-model', golden: 'onnx-model/golden.safetensors' },
    ]);
    expect(existsSync(join(ran.cwd, 'onnx-model/golden.safetensors'))).toBe(true);
    expect(ran.read('report/junit.xml')).toMatch(/<testsuites .*failures="0"/);
    expect(ran.read('report/report.html')).toContain('<h1>modernbert-onnx: pass</h1>');
    const summary = ran.read('summary.md');
    expect(summary).toMatch(/^### modernbert-onnx: pass\n\n\| model \| .*\n\| --- \|/);
    expect(summary).toMatch(/\| onnx\/model\.onnx \| onnxruntime .* \| pass \|/);
  });

  it('fails with 1 where a model drifts from a golden while it is converted', () => {
    const golden = caseFolder('clm-bf16');
    const ran = runAction({ source: caseFolder('clm-default'), golden });
    expect(ran.status).toBe(1);
    expect(ran.outputs).toEqual({ verdict: 'fail', folder: '', golden });
    expect(ran.read('report/junit.xml')).toMatch(/failures="1"[^]*<failure message="KL /);
    expect(ran.read('summary.md')).toMatch(/\| onnx\/model\.onnx \| .* \| fail \|/);
  });

  it('fails with 1 where a gate is missed, and JUnit tells which, whatever the folder is called', () => {
    const inputs = { source: caseFolder('clm-default'), output: '--help' };
    const ran = runAction({ ...inputs, gates: 'kl=0 difference=0' });
    expect([ran.status, ran.outputs]).toMatchObject([1, { verdict: 'fail', folder: '--help' }]);
    expect(ran.read('report/junit.xml')).toMatch(/<failure message="kl /);
  });

  it('reads nothing of an input as an option or a command, and tells what failed', () => {
    const ran = runAction({ source: '--help; touch hacked' });
    expect([ran.status, ran.outputs['verdict']]).toEqual([66, 'error']);
    expect(existsSync(join(ran.cwd, 'hacked'))).toBe(false);
    expect(ran.read('report/junit.xml')).toMatch(/errors="1"[^]*<error message="/);
  });
});

describe('action.yml', () => {
  it('hands the inputs on by the environment, never into a script', () => {
    const declared = [...section('inputs').matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
    const handed = [...action.matchAll(/INPUT_(\w+): \$\{\{ inputs\.(\w+) \}\}/g)];
    expect(declared.pop()).toBe('artifact');
    expect(declared).toHaveLength(8);
    expect(handed.map(([, , name]) => name)).toEqual(declared);
    expect(handed.every(([, variable, name]) => variable === name?.toUpperCase())).toBe(true);
    expect([...action.matchAll(/run: (.*)/g)].map(([, line]) => line)).toEqual([
      'node "$GITHUB_ACTION_PATH/action/run.mjs"',
    ]);
  });

  it('gives the outputs that the script writes, and pins what it uses by commit', () => {
    const given = [...section('outputs').matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
    expect(given).toEqual(['folder', 'verdict', 'golden']);
    const used = [...action.matchAll(/uses: (\S+)/g)].map(([, name]) => name);
    expect(used).toEqual([expect.stringMatching(/^actions\/upload-artifact@[0-9a-f]{40}$/)]);
  });
});

/** The lines of a key at the left edge. */
function section(key: string): string {
  const [, text = ''] = new RegExp(String.raw`^${key}:\n((?: .*\n|\n)*)`, 'm').exec(action) ?? [];
  return text;
}
