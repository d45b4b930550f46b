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
/** Names of the model files by their formats. */
const models = {
  fp32: 'model',
  fp16: 'model_fp16',
  q8: 'model_quantized',
  q4: 'model_q4',
  q4f16: 'model_q4f16',
};
const loop = fileURLToPath(new URL('./loop.mjs', import.meta.url));

export default async function benchConvert() {
  const rows = [['shape', 'written', 'seconds', '× loop', 'peak memory', 'data / checkpoint']];
  const sizes = [['shape', ...Object.keys(models)]];
  for (const [size, count] of [
    ['150m', rounds],
    ['1b', 1],
  ]) {
    const found = await measure(size, count);
    rows.push(...found.rows);
    sizes.push([size, ...found.sizes.map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`)]);
  }
  console.log(`${machine()}; medians of ${rounds} rounds for 150m, one round for 1b\n`);
  printTable(rows);
  console.log('\nmodel and data files:\n');
  printTable(sizes);
}

async function measure(size, count) {
  const checkpoint = await makeCheckpoint(size, join(benchFolder, size));
  const weights = join(checkpoint, 'model.safetensors');
  const copy = join(benchFolder, 'copy');
  const output = join(benchFolder, 'output');
  const loops = [];
  const found = Object.fromEntries(choices.map((options) => [options, []]));
  let sizes = [];
  for (let round = 0; round < count; round++) {
    loops.push(await runNode(loop, weights, copy));
    await rm(copy);
    for (const options of Object.keys(found)) {
      const given = ['--output', output, '--dtype', ...options.split(' ')];
      const run = await runNode(cli, 'convert', checkpoint, ...given);
      found[options].push({
        ...run,
        ratio: run.seconds / loops[round].seconds,
        data: (await bytesOf(output, 'model.onnx_data')) / (await stat(weights)).size,
      });
      // the last choice has them all
      sizes = await Promise.all(
        Object.values(models).map((name) => bytesOf(output, `${name}.onnx`)),
      );
      await rm(output, { recursive: true });
    }
  }
  const loopRow = [size, 'the loop', seconds(loops), '1', megabytes(loops), '1'];
  const rows = Object.entries(found).map(([options, runs]) => [
    size,
    options.replaceAll(',', ' + '),
    seconds(runs),
    median(runs.map(({ ratio }) => ratio)).toFixed(2),
    megabytes(runs),
    runs[0].data.toFixed(4),
  ]);
  return { rows: [loopRow, ...rows], sizes };
}

/** Bytes of a folder's model files whose names begin so. */
async function bytesOf(output, beginning) {
  const names = await readdir(join(output, 'onnx'));
  const found = names.filter((name) => name.startsWith(beginning));
  const sizes = await Promise.all(found.map((name) => stat(join(output, 'onnx', name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

const seconds = (runs) => median(runs.map((run) => run.seconds)).toFixed(1);
const megabytes = (runs) => `${Math.max(...runs.map((run) => run.megabytes)).toFixed(0)} MB`;
