// What a device can do at most, measured: how fast it copies memory, and how fast it multiplies and
// adds in registers. What a model reaches is told in parts of these.

import { header, flatGrid, groupIndex, type Kernel, mainParameters } from '../../wgsl.ts';
import type { GpuLimits, Lengths } from '../../wgsl.ts';
import { allocate } from './allocate.ts';
import type { Device } from './device.ts';
import { Executor } from './execute.ts';

/** Per second. */
export interface Peaks {
  /** Read and written. */
  readonly copyBytes: number;
  readonly multiplyAdds: {
    readonly f32: number;
    /** Where the device has shader-f16. */
    readonly f16?: number;
  };
}

/** Beyond the caches of any device. */
const copyBufferBytes = 256 * 2 ** 20;

/** A measurement takes so long at least, so that what begins and ends it does not count. */
const leastSeconds = 0.05;
const rounds = 3;

/** Measures a device that does nothing else meanwhile. */
export async function measurePeaks(device: Device): Promise<Peaks> {
  const executor = new Executor(device);
  try {
    const copyBytes = await measureCopy(device, executor);
    const f32 = await measureArithmetic(device, executor, 'f32');
    if (!device.limits.shaderF16) return { copyBytes, multiplyAdds: { f32 } };
    const f16 = await measureArithmetic(device, executor, 'half');
    return { copyBytes, multiplyAdds: { f32, f16 } };
  } finally {
    executor.destroy();
  }
}

const threads = 256;

/** Vectors that a thread copies: a few loads are under way at once. */
const copiesOfThread = 4;

/** Copies `lengths.tokens` blocks of 256 · 4 vectors. */
export function copyKernel(limits: GpuLimits): Kernel {
  const bindings = [
    { name: 'source', access: 'read', element: 'f32' },
    { name: 'copied', access: 'read_write', element: 'f32' },
  ] as const;
  const range = Array.from({ length: copiesOfThread }, (_, i) => i);
  const wgsl = `${header(bindings)}
@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let block = ${groupIndex};
  if (block >= lengths.tokens) { return; }
  let start = block * ${threads * copiesOfThread}u + thread;
${range.map((i) => `  let v${i} = source[start + ${i * threads}u];`).join('\n')}
${range.map((i) => `  copied[start + ${i * threads}u] = v${i};`).join('\n')}
}
`;
  return { name: 'copy', wgsl, bindings, grid: ({ tokens }) => flatGrid(tokens, limits) };
}

const bytesOfBlock = 16 * threads * copiesOfThread;

async function measureCopy(device: Device, executor: Executor): Promise<number> {
  const { limits, gpu } = device;
  const size = Math.min(copyBufferBytes, limits.bindingBytes, gpu.limits.maxBufferSize);
  const blocks = Math.floor(size / bytesOfBlock);
  const kernel = copyKernel(limits);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffers = new Map<string, GPUBuffer>();
  try {
    for (const { name } of kernel.bindings) {
      buffers.set(
        name,
        await allocate(device, { label: name, size: blocks * bytesOfBlock, usage }),
      );
    }
    const run = await runner(device, executor, kernel, buffers);
    const seconds = await shortest((count) => run({ ...none, tokens: blocks }, count));
    return (2 * blocks * bytesOfBlock) / seconds;
  } finally {
    for (const buffer of buffers.values()) buffer.destroy();
  }
}

/** Sums that do not wait for each other, each a vector of four. */
const sums = 4;
const unrolled = 8;

/** Workgroups: several times what the largest devices hold at once. */
const groups = 4096;

/** Every thread multiplies and adds `lengths.tokens` · 128 times. */
export function arithmeticKernel(element: 'f32' | 'half', limits: GpuLimits): Kernel {
  const bindings = [
    { name: 'values', access: 'read', element },
    { name: 'results', access: 'read_write', element },
  ] as const;
  const scalar = element === 'f32' ? 'f32' : 'f16';
  const names = Array.from({ length: sums }, (_, i) => `s${i}`);
  const step = names.map((name) => `    ${name} = fma(${name}, factor, addend);`).join('\n');
  const wgsl = `${header(bindings)}
@compute @workgroup_size(${threads})
fn main(
  ${mainParameters}
) {
  let factor = values[0];
  let addend = values[1];
${names.map((name, i) => `  var ${name} = factor * ${scalar}(thread + ${i}u);`).join('\n')}
  for (var i = 0u; i < lengths.tokens; i++) {
${Array.from({ length: unrolled }, () => step).join('\n')}
  }
  results[(${groupIndex}) * ${threads}u + thread] = ${names.join(' + ')};
}
`;
  return { name: `multiply-add ${element}`, wgsl, bindings, grid: () => flatGrid(groups, limits) };
}

async function measureArithmetic(
  device: Device,
  executor: Executor,
  element: 'f32' | 'half',
): Promise<number> {
  const kernel = arithmeticKernel(element, device.limits);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const bytes = element === 'f32' ? 16 : 8;
  const values = await allocate(device, { label: 'values', size: 32, usage });
  const size = groups * threads * bytes;
  const results = await allocate(device, { label: 'results', size, usage });
  const halves = Uint16Array.from({ length: 8 }, (_, i) => (i < 4 ? 0x3800 : 0x3400));
  const floats = Float32Array.from({ length: 8 }, (_, i) => (i < 4 ? 0.5 : 0.25));
  device.gpu.queue.writeBuffer(values, 0, element === 'f32' ? floats : halves);
  try {
    const buffers = new Map([
      ['values', values],
      ['results', results],
    ]);
    const run = await runner(device, executor, kernel, buffers);
    const seconds = await shortest((count) => run({ ...none, tokens: count }, 1));
    return (groups * threads * 4 * sums * unrolled) / seconds;
  } finally {
    values.destroy();
    results.destroy();
  }
}

const none: Lengths = { tokens: 0, rows: 0, cacheRows: 0, kept: 0, tiles: 0, splits: 0 };

/** Seconds of a submission that dispatches the kernel so many times. */
async function runner(
  device: Device,
  executor: Executor,
  kernel: Kernel,
  buffers: ReadonlyMap<string, GPUBuffer>,
): Promise<(lengths: Lengths, dispatches: number) => Promise<number>> {
  const dispatch = { kernel };
  await executor.prepare([kernel]);
  return async (lengths, dispatches) => {
    executor.setLengths(lengths);
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < dispatches; i++) {
      executor.record(pass, dispatch, lengths, (name) => buffers.get(name) ?? missing(name));
    }
    pass.end();
    await device.gpu.queue.onSubmittedWorkDone();
    const started = performance.now();
    device.gpu.queue.submit([encoder.finish()]);
    await device.gpu.queue.onSubmittedWorkDone();
    const seconds = (performance.now() - started) / 1000;
    device.check();
    return seconds;
  };
}

function missing(name: string): never {
  throw new TypeError(`no buffer is bound to ${name}`);
}

/** Seconds of one of many repetitions, at best: other work can only slow it down. */
async function shortest(run: (count: number) => Promise<number>): Promise<number> {
  await run(1); // the driver may compile only now
  let count = 1;
  let seconds = await run(count);
  while (seconds < leastSeconds && count < 2 ** 20) {
    count *= 2;
    seconds = await run(count);
  }
  for (let round = 1; round < rounds; round++) seconds = Math.min(seconds, await run(count));
  return seconds / count;
}
