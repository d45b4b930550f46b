// What gptq takes, for every published size of Ettin: seconds and peak memory of a conversion to q4
// with the text that the model writes itself. The smallest is converted whole. Of the others the time
// is that of one layer and of three, drawn out to all of them, as every layer takes the same; their
// memory is that of three layers and of the codes of the rest, which stay in memory until the end.
//
//     npm run bench -- gptq [SIZE …]

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCheckpoint, shapes } from './checkpoint.mjs';
import { benchFolder, cli, machine, printTable, runNode } from './measure.mjs';

/** Bytes of a weight that is rounded: half of one for its code, and a part of a scale and a zero point. */
const codeBytes = 0.6;

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
  if (size === '17m') {
    const { seconds, megabytes } = await convert(size, layers);
    return row(size, 'all', seconds, megabytes);
  }
  const [one, three] = [await convert(size, 1), await convert(size, 3)];
  const each = (three.seconds - one.seconds) / 2;
  const kept = (layers - 3) * codeBytes * hidden * (4 * hidden + 3 * intermediate);
  return row(size, '1 and 3', one.seconds + (layers - 1) * each, three.megabytes + kept / 1e6);
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

const row = (size, measured, seconds, megabytes) => [
  size,
  measured,
  seconds.toFixed(0),
  `${megabytes.toFixed(0)} MB`,
];
