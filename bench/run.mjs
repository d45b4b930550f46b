// The two targets side by side in ONNX Runtime on the CPU: the same weights, so what differs is the
// bodies of the fused operators. Then the quantized formats beside fp32. Runs take turns; the median
// of the ratios is printed. Memory is measured in a process of its own for each target.
//
// A decode step copies the cache unless the caller gives one with room, and takes the new one in
// the same memory. Only the onnxruntime target's body knows how to write it in place; against it
// stands the portable target the way it is fastest, copying.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCheckpoint } from './checkpoint.mjs';
import { benchFolder, cli, machine, median, printTable, runNode } from './measure.mjs';
import { openModel } from './session.mjs';

const targets = ['onnxruntime', 'portable'];
const memoryScript = fileURLToPath(new URL('./memory.mjs', import.meta.url));

const measurements = [
  { name: 'prefill 512', tokens: 512, past: 0, turns: 9 },
  { name: 'decode at 512', tokens: 1, past: 512, turns: 60 },
  { name: 'prefill 4,096', tokens: 4096, past: 0, turns: 3 },
  { name: 'decode at 4,096, cache copied', tokens: 1, past: 4096, turns: 24 },
  { name: 'decode at 4,096, cache in place', tokens: 1, past: 4096, turns: 24, inPlace: true },
];

/** Formats beside fp32, and the names of their files. */
const formats = { fp32: 'model', q8: 'model_quantized', q4: 'model_q4' };

const formatMeasurements = [
  { name: 'prefill 128', tokens: 128, past: 0, turns: 15 },
  { name: 'prefill 512', tokens: 512, past: 0, turns: 9 },
  { name: 'decode at 512', tokens: 1, past: 512, turns: 60 },
];

export default async function benchRun() {
  const checkpoint = await makeCheckpoint('150m', join(benchFolder, '150m'));
  const version = await benchTargets(checkpoint);
  console.log(`\n${machine()}, ONNX Runtime ${version} CPU`);
  await benchFormats(checkpoint);
}

async function benchTargets(checkpoint) {
  const files = {};
  for (const target of targets) {
    const output = join(benchFolder, target);
    await runNode(cli, 'convert', checkpoint, '-o', output, '--target', target, '--force');
    files[target] = join(output, 'onnx', 'model.onnx');
  }
  const rows = [['150m shape, fp32', ...targets, 'portable ÷ onnxruntime']];
  const models = [];
  for (const target of targets) models.push(await openModel(files[target]));
  for (const measurement of measurements) {
    const [fused, portable] = await takeTurns(models, measurement);
    const ratios = fused.map((ms, turn) => portable[turn] / ms);
    const shown = [fused, portable].map((all) => milliseconds(median(all)));
    rows.push([measurement.name, ...shown, median(ratios).toFixed(2)]);
  }
  for (const model of models) await model.close();
  rows.push(...(await memoryRows(files)));
  printTable(rows);
  return models[0].version;
}

/** The quantized formats of the onnxruntime target, by the default method. */
async function benchFormats(checkpoint) {
  const output = join(benchFolder, 'formats');
  const dtypes = Object.keys(formats);
  await runNode(cli, 'convert', checkpoint, '-o', output, '--dtype', dtypes.join(','), '--force');
  const models = [];
  for (const name of Object.values(formats)) {
    models.push(await openModel(join(output, 'onnx', `${name}.onnx`)));
  }
  const rows = [['150m shape', ...dtypes, 'fp32 ÷ q8', 'fp32 ÷ q4']];
  for (const measurement of formatMeasurements) {
    const [plain, ...others] = await takeTurns(models, measurement);
    const shown = [plain, ...others].map((all) => milliseconds(median(all)));
    const ratios = others.map((all) => median(all.map((ms, turn) => plain[turn] / ms)).toFixed(2));
    rows.push([measurement.name, ...shown, ...ratios]);
  }
  for (const model of models) await model.close();
  console.log();
  printTable(rows);
}

async function takeTurns(models, { tokens, past, turns, inPlace = false }) {
  const times = models.map(() => []);
  const steps = models.map((model, index) =>
    inPlace && targets[index] === 'onnxruntime'
      ? model.inPlaceStep(past)
      : model.step(tokens, past),
  );
  for (let turn = -1; turn < turns; turn++) {
    for (const [index, step] of steps.entries()) {
      const started = performance.now();
      await step();
      if (turn >= 0) times[index].push(performance.now() - started); // the first warms up
    }
  }
  return times;
}

async function memoryRows(files) {
  const found = [];
  for (const target of targets) {
    found.push(JSON.parse((await runNode(memoryScript, files[target])).output));
  }
  return [
    memoryRow(
      'memory above the weights, prefill 4,096',
      found.map(({ peak }) => peak),
    ),
    memoryRow(
      'of it besides the cache that comes back',
      found.map(({ peak, cache }) => peak - cache),
    ),
  ];
}

const memoryRow = (name, bytes) => [
  name,
  ...bytes.map((each) => `${(each / 1e6).toFixed(0)} MB`),
  (bytes[1] / bytes[0]).toFixed(2),
];

const milliseconds = (ms) => `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
