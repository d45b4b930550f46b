// The two targets side by side in ONNX Runtime on the CPU: the same weights, so what differs is the
// bodies of the fused operators. Runs take turns; the median of the ratios is printed. Memory is
// measured in a process of its own for each target.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCheckpoint } from './checkpoint.mjs';
import { benchFolder, cli, machine, median, printTable, runNode } from './measure.mjs';
import { openModel } from './session.mjs';

const targets = ['onnxruntime', 'portable'];
const memoryScript = fileURLToPath(new URL('./memory.mjs', import.meta.url));

/** name, new tokens, tokens before them, turns */
const measurements = [
  ['prefill 512', 512, 0, 7],
  ['decode at 512', 1, 512, 40],
  ['prefill 4,096', 4096, 0, 3],
  ['decode at 4,096', 1, 4096, 20],
];

export default async function benchRun() {
  const checkpoint = await makeCheckpoint('150m', join(benchFolder, '150m'));
  const files = {};
  for (const target of targets) {
    const output = join(benchFolder, target);
    await runNode(cli, 'convert', checkpoint, '-o', output, '--target', target, '--force');
    files[target] = join(output, 'onnx', 'model.onnx');
  }
  const models = [];
  for (const target of targets) models.push(await openModel(files[target]));
  const rows = [['150m shape, fp32', ...targets, 'portable ÷ onnxruntime']];
  for (const [name, tokens, past, turns] of measurements) {
    const [fused, portable] = await takeTurns(models, tokens, past, turns);
    const ratios = fused.map((ms, turn) => portable[turn] / ms);
    rows.push([name, ...[fused, portable].map((all) => milliseconds(median(all))), ratio(ratios)]);
  }
  for (const model of models) await model.close();

  const memory = [];
  for (const target of targets)
    memory.push(Number((await runNode(memoryScript, files[target])).output));
  const shown = memory.map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
  rows.push(['memory above the weights at 4,096', ...shown, (memory[1] / memory[0]).toFixed(2)]);
  console.log(`${machine()}, ONNX Runtime ${models[0].version} CPU\n`);
  printTable(rows);
}

async function takeTurns(models, tokens, past, turns) {
  const times = models.map(() => []);
  for (let turn = -1; turn < turns; turn++) {
    for (const [index, model] of models.entries()) {
      const feeds = model.feeds(tokens, past);
      const started = performance.now();
      await model.run(feeds);
      if (turn >= 0) times[index].push(performance.now() - started); // the first warms up
    }
  }
  return times;
}

const milliseconds = (ms) => `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
const ratio = (ratios) => median(ratios).toFixed(2);
