// What gptq takes, for every published size of Ettin: seconds and peak memory of a conversion to q4
// with the text that the model writes itself. The smallest is converted whole. Of the others two
// models of few layers are, of the two largest as few as can be; the difference is what each layer
// takes, and the time is drawn out to all of them.
//
// So is the memory, of the two parts of the work: while the text is written all weights and the
// caches of all layers are there, and after it a layer's weights and the codes of those before it.
//
//     npm run bench -- gptq [SIZE …]

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCheckpoint, shapes } from './checkpoint.mjs';
import { benchFolder, cli, machine, printTable, runNode } from './measure.mjs';

/** Bytes of a weight that is rounded: half of one for its code, and a part of a scale and a zero point. */
const codeBytes = 0.6;

/** Texts of 256 tokens that are written side by side; sliding layers hold as many as they see. */
const [texts, length, window, globalEvery] = [32, 256, 64, 3];

/** Layers of the models that are converted. */
const measured = { '17m': [7], '400m': [1, 2], '1b': [1, 2] };

export default async function benchGptq() {
  console.log(`${machine()}; q4, 8,192 tokens that the model writes\n`);
  const asked = process.argv.slice(3);
  const rows = [['shape', 'layers measured', 'seconds', 'peak memory']];
  for (const size of asked.length > 0 ? asked : Object.keys(shapes)) {
    rows.push(await measure(size));
    console.error(rows.at(-1).join(' ')); // the largest take long
  }
  printTable(rows);
}

async function measure(size) {
  const [hidden, intermediate, layers] = shapes[size];
  const [fewer, more = fewer] = measured[size] ?? [1, 3];
  const first = await convert(size, fewer);
  if (fewer === layers) return row(size, 'all', first.seconds, first.megabytes);
  const last = await convert(size, more);
  const each = (last.seconds - first.seconds) / (more - fewer);
  const weights = (layers - more) * hidden * (4 * hidden + 3 * intermediate);
  const cached = 2 * texts * hidden * (positions(layers) - positions(more));
  const [written = last.megabytes] = last.noted;
  const peaks = [
    written + (4 * (weights + cached)) / 1e6,
    last.megabytes + (codeBytes * weights) / 1e6,
  ];
  return row(
    size,
    `${fewer} and ${more}`,
    last.seconds + (layers - more) * each,
    Math.max(...peaks),
  );
}

/** That the caches of so many layers hold of a text. */
function positions(layers) {
  const global = Math.ceil(layers / globalEvery);
  return global * length + (layers - global) * window;
}

async function convert(size, layers) {
  const folder = join(benchFolder, `${size}-${layers}`);
  const checkpoint = await makeCheckpoint(size, folder, layers);
  const output = join(benchFolder, 'gptq');
  const options = ['--dtype', 'q4', '--method', 'gptq', '--force'];
  const run = await runNode(cli, 'convert', checkpoint, '--output', output, ...options);
  await rm(output, { recursive: true });
  await rm(folder, { recursive: true });
  return run;
}

const row = (size, layers, seconds, megabytes) => [
  size,
  layers,
  seconds.toFixed(0),
  `${megabytes.toFixed(0)} MB`,
];
