// What rounding costs: the bundled model in every format, by both methods, on text that it has not
// seen. Figures are those of `compare`, on ONNX Runtime.

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const command = join(root, 'dist/bin/modernbert-onnx.js');
const text = join(import.meta.dirname, 'shakespeare-validation.txt');
const formats = { rtn: 'fp32,fp16,q8,q4,q4f16', gptq: 'fp32,q8,q4' };
const kept = ['--keep', 'embeddings=q8'];
const targets = ['0.03', '0.01', '0.003'];
const runs = [
  ...Object.entries(formats).flatMap(([method, dtypes]) => [
    { method, options: ['--dtype', dtypes] },
    { method, options: ['--dtype', 'fp32,q4', ...kept] },
  ]),
  ...targets.map((x) => ({ method: 'rtn', options: ['--dtype', 'fp32,q4', '--target-kl', x] })),
];

export default async function quantize() {
  const place = await mkdtemp(join(tmpdir(), 'modernbert-onnx-'));
  try {
    for (const [index, { method, options }] of runs.entries()) {
      const output = join(place, String(index));
      const source = join(root, 'golden/shakespeare');
      run('convert', source, '--output', output, '--method', method, ...options);
      console.log(`\n${method} ${options.slice(2).join(' ')}: 12,288 tokens in windows of 256\n`);
      const limits = ['--tokens', '12288', '--window', '256', '--runtime', 'onnxruntime'];
      console.log(run('compare', output, '--text', text, ...limits));
    }
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`modernbert-onnx ${args[0]} ended with ${status}: ${stderr}`);
  return stdout;
}
