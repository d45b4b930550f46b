// Kernels on a device: pipelines compiled once for each text on it, bind groups made once for the buffers
// they bind, and one compute pass for a whole run.

import { ToolkitError } from '../../base/errors.ts';
import { type Kernel, type Lengths, lengthNames, lengthsBytes } from '../../wgsl.ts';
import type { Device } from './device.ts';

/** What a kernel binds, by the names of its bindings. */
export type Buffers = (name: string) => GPUBuffer;

/** A kernel at its place in a run; one object for every run, for it keeps its bind group. */
export interface Dispatch {
  readonly kernel: Kernel;
}

interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

export class Executor {
  readonly device: Device;
  /** Dispatches recorded so far, for tests. */
  dispatched = 0;
  readonly #lengths: GPUBuffer;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #bound = new WeakMap<Dispatch, Bound>();

  constructor(device: Device) {
    this.device = device;
    this.#lengths = device.gpu.createBuffer({
      label: 'lengths',
      size: lengthsBytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Pipelines so far. */
  get compiled(): number {
    return this.#pipelines.size;
  }

  /** Compiles what is not compiled yet. */
  async prepare(kernels: readonly Kernel[]): Promise<void> {
    const texts = new Map(kernels.map((kernel) => [kernel.wgsl, kernel]));
    await Promise.all(
      [...texts]
        .filter(([wgsl]) => !this.#pipelines.has(wgsl))
        .map(async ([wgsl, kernel]) => this.#pipelines.set(wgsl, await this.#pipelineOf(kernel))),
    );
  }

  /** Sets the sizes that all kernels of the next submission see. */
  setLengths(lengths: Lengths): void {
    const words = Uint32Array.from(lengthNames, (name) => lengths[name]);
    this.device.gpu.queue.writeBuffer(this.#lengths, 0, words);
  }

  /** Records a kernel that was prepared. */
  record(
    pass: GPUComputePassEncoder,
    dispatch: Dispatch,
    lengths: Lengths,
    buffers: Buffers,
  ): void {
    const { kernel } = dispatch;
    const grid = kernel.grid(lengths);
    if (grid.includes(0)) return;
    const pipeline = this.#pipelines.get(kernel.wgsl);
    if (!pipeline) {
      throw new ToolkitError('INTERNAL', 'a kernel runs that was not compiled', {
        where: { kernel: kernel.name },
      });
    }
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#bind(dispatch, pipeline, buffers));
    pass.dispatchWorkgroups(...grid);
    this.dispatched++;
  }

  destroy(): void {
    this.#lengths.destroy();
    this.#pipelines.clear();
  }

  #bind(dispatch: Dispatch, pipeline: GPUComputePipeline, buffers: Buffers): GPUBindGroup {
    const wanted = dispatch.kernel.bindings.map(({ name }) => buffers(name));
    const known = this.#bound.get(dispatch);
    if (known && known.buffers.every((buffer, i) => buffer === wanted[i])) return known.group;
    const group = this.device.gpu.createBindGroup({
      label: dispatch.kernel.name,
      layout: pipeline.getBindGroupLayout(0),
      entries: [this.#lengths, ...wanted].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      })),
    });
    this.#bound.set(dispatch, { buffers: wanted, group });
    return group;
  }

  async #pipelineOf(kernel: Kernel): Promise<GPUComputePipeline> {
    const { pipelines } = this.device;
    const compiling = pipelines.get(kernel.wgsl) ?? this.#compile(kernel);
    pipelines.set(kernel.wgsl, compiling);
    try {
      return await compiling;
    } catch (error) {
      pipelines.delete(kernel.wgsl); // it may be asked for again
      throw error;
    }
  }

  async #compile({ name, wgsl, bindings }: Kernel): Promise<GPUComputePipeline> {
    const { gpu } = this.device;
    try {
      return await gpu.createComputePipelineAsync({
        label: name,
        layout: gpu.createPipelineLayout({
          bindGroupLayouts: [
            gpu.createBindGroupLayout({
              entries: [
                { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } },
                ...bindings.map(({ access }, index) => ({
                  binding: index + 1,
                  visibility: GPUShaderStage.COMPUTE,
                  buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' } as const,
                })),
              ],
            }),
          ],
        }),
        compute: {
          module: gpu.createShaderModule({ label: name, code: wgsl }),
          entryPoint: 'main',
        },
      });
    } catch (cause) {
      this.device.check();
      throw new ToolkitError('RUNTIME_FAILED', 'the GPU does not take a kernel', {
        where: {
          kernel: name,
          device: this.device.name,
          cause: String(cause).split('\n')[0] ?? '',
        },
        fix: 'choose --runtime onnxruntime',
        cause,
      });
    }
  }
}
