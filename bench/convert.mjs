// Conversion against the least that it does: bench/loop.mjs reads the weights file, hashes what it
// reads and what it writes, writes and syncs. Ratios are of neighbors in time, because disks and
// shared machines drift; the median over the rounds is printed.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCheckpoint } from './checkpoint.mjs';
import { benchFolder, cli, machine, median, printTable, runNode } from './measure.mjs';

const rounds = 5;
/** The loop looks at no activation, so the second row stands beside it; the third is the default. */
const choices = ['fp32', 'fp32,fp16 --no-fp16-check', 'fp32,fp16', 'fp32,fp16,q8,q4,q4f16'];
const loop = fileURLToPath(new URL('./loop.mjs', import.meta.url));

export default async function benchConvert() {
  const rows = [['shape', 'written', 'seconds', '× loop', 'peak memory', 'data / checkpoint']];
  rows.push(...(await measure('150m', rounds)));
  rows.push(...(await measure('1b', 1)));
  console.log(`${machine()}; medians of ${rounds} rounds for 150m, one round for 1b\n`);
  printTable(rows);
}

async function measure(size, count) {
  const checkpoint = await makeCheckpoint(size, join(benchFolder, size));
  const weights = join(checkpoint, 'model.safetensors');
  const copy = join(benchFolder, 'copy');
  const output = join(benchFolder, 'output');
  const loops = [];
  const found = Object.fromEntries(choices.map((options) => [options, []]));
  for (let round = 0; round < count; round++) {
    loops.push(await runNode(loop, weights, copy));
    await rm(copy);
    for (const options of Object.keys(found)) {
      const given = ['--output', output, '--dtype', ...options.split(' ')];
      const run = await runNode(cli, 'convert', checkpoint, ...given);
      found[options].push({
        ...run,
        ratio: run.seconds / loops[round].seconds,
        data: await dataBytes(output),
      });
      await rm(output, { recursive: true });
    }
  }
  const bytes = (await stat(weights)).size;
  const loopRow = [size, 'the loop', seconds(loops), '1', megabytes(loops), '1'];
  return [
    loopRow,
    ...Object.entries(found).map(([options, runs]) => [
      size,
      options.replaceAll(',', ' + '),
      seconds(runs),
      median(runs.map(({ ratio }) => ratio)).toFixed(2),
      megabytes(runs),
      (runs[0].data / bytes).toFixed(4),
    ]),
  ];
}

/** Bytes of the fp32 model's data files. */
async function dataBytes(output) {
  const names = await readdir(join(output, 'onnx'));
  const data = names.filter((name) => name.startsWith('model.onnx_data'));
  const sizes = await Promise.all(data.map((name) => stat(join(output, 'onnx', name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

const seconds = (runs) => median(runs.map((run) => run.seconds)).toFixed(1);
const megabytes = (runs) => `${Math.max(...runs.map((run) => run.megabytes)).toFixed(0)} MB`;
