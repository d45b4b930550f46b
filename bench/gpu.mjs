// Our runtime on this machine's GPU beside ONNX Runtime's WebGPU provider: 17m shape, fp32. The
// provider runs the portable target, whose attention is exact on every GPU, and where its own is
// exact the onnxruntime target too. The table goes to bench/results, a file a device.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCheckpoint } from './checkpoint.mjs';
import { benchFolder, cli, machine, runNode } from './measure.mjs';

const size = '17m';
const lengths = ['--prefill', '128', '--decode', '128'];
const results = fileURLToPath(new URL('./results', import.meta.url));

export default async function benchGpu() {
  const checkpoint = await makeCheckpoint(size, join(benchFolder, size));
  const folders = {};
  for (const target of ['onnxruntime', 'portable']) {
    folders[target] = join(benchFolder, `${size}-${target}`);
    await runNode(cli, 'convert', checkpoint, '-o', folders[target], '--target', target, '--force');
  }
  const found = { portable: await measure(folders, 'portable') };
  const { device } = found.portable;
  if (['nvidia', 'apple'].includes(device.vendor)) {
    found.onnxruntime = await measure(folders, 'onnxruntime');
  }
  const text = [
    `# ${device.name}\n`,
    `${machine()}; ${size} shape, fp32. ${found.portable.runtime} against ${found.portable.versus}.\n`,
    `Driver: ${device.driver}. Measured peaks: ${peaksOf(found.portable)}.\n`,
    'Medians of rounds in turns; a ratio above 1 means that ours is faster. Shares are of the peaks.\n',
    tableOf(found),
  ].join('\n');
  const file = join(results, `${device.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.md`);
  await mkdir(results, { recursive: true });
  await writeFile(file.replace(/-\.md$/, '.md'), text);
  console.log(text);
}

async function measure(folders, target) {
  const vs = ['--vs', 'onnxruntime', '--vs-folder', folders[target]];
  const run = await runNode(cli, 'bench', folders.onnxruntime, ...lengths, ...vs, '--json');
  return JSON.parse(run.output);
}

function peaksOf({ device: { peaks } }) {
  return `copies ${giga(peaks.copyBytes)} GB/s, f32 ${giga(peaks.multiplyAdds.f32)} G multiply-adds/s`;
}

function tableOf(found) {
  const head = ['', 'ours', 'tokens/s', 'dispatches', 'MB/token', 'of copy', 'of f32'];
  const rows = [[...head, 'it runs', 'onnxruntime', 'ratio', 'range of the ratio']];
  for (const [target, { measurements }] of Object.entries(found)) {
    for (const measurement of measurements)
      rows.push([...ours(measurement), target, ...its(measurement)]);
  }
  const widths = rows[0].map((_, at) => Math.max(3, ...rows.map((row) => row[at].length)));
  const line = (row) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |\n`;
  const [first, ...rest] = rows.map(line);
  return [first, line(widths.map((width) => '-'.repeat(width))), ...rest].join('');
}

function ours({ kind, tokens, seconds, tokensPerSecond, work, bytesPerToken, shares }) {
  return [
    `${kind}${kind === 'decode' ? ' at' : ''} ${tokens}`,
    milliseconds(seconds.median),
    tokensPerSecond.toFixed(0),
    String(work.dispatches),
    (bytesPerToken / 1e6).toFixed(2),
    percent(shares.copy),
    percent(shares.f32),
  ];
}

function its({ versus }) {
  if (versus.failure !== undefined) return [`failed: ${versus.failure}`, '', ''];
  const { seconds, ratio } = versus;
  return [
    milliseconds(seconds.median),
    ratio.median.toFixed(2),
    `${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}`,
  ];
}

const giga = (value) => (value / 1e9).toPrecision(3);
const milliseconds = (seconds) => `${(1000 * seconds).toFixed(2)} ms`;
const percent = (part) => `${(100 * part).toFixed(0)} %`;
