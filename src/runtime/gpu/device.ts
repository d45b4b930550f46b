// A GPU to compute on: an adapter's device with all that the adapter offers, what kernels must know
// of it, and what went wrong with it. A device that is lost stays lost; a new one can be opened.

import { ToolkitError } from '../../base/errors.ts';
import { type GpuLimits, leastLimits } from '../../wgsl.ts';

export interface DeviceOptions {
  /** Asks for no more than this of what the adapter has: for tests of what small devices do. */
  readonly most?: Partial<GpuLimits>;
}

/** An open device. Whoever opened it destroys it. */
export class Device {
  readonly gpu: GPUDevice;
  readonly limits: GpuLimits;
  /** `SwiftShader driver 5.0.0 (swiftshader)`, for reports. */
  readonly name: string;
  /** Compiled, or being compiled, by their text: models on one device share what they have alike. */
  readonly pipelines: Map<string, Promise<GPUComputePipeline>> = new Map();
  #failure: ToolkitError | undefined;

  constructor(gpu: GPUDevice, limits: GpuLimits, name: string) {
    this.gpu = gpu;
    this.limits = limits;
    this.name = name;
    gpu.addEventListener('uncapturederror', ({ error }) => this.#fail(oneLine(error.message)));
    void gpu.lost.then(({ reason, message }) =>
      this.#fail(oneLine(message) || reason, 'the GPU device was lost'),
    );
  }

  /** Throws what went wrong on the device since it was opened, if anything did. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  destroy(): void {
    this.gpu.destroy();
  }

  #fail(cause: string, rule = 'the GPU refused a command'): void {
    this.#failure ??= new ToolkitError('RUNTIME_FAILED', rule, {
      where: { device: this.name, cause },
      fix: 'load the model again on a new device',
    });
  }
}

/** Opens the adapter's device with its features and limits; RUNTIME_MISSING without an adapter. */
export async function openDevice(
  gpu: GPU | undefined,
  { most = {} }: DeviceOptions = {},
): Promise<Device> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw gpu === browserGpu() ? noBrowserAdapter(gpu) : noAdapter();
  const limits = limitsOf(adapter, most);
  const device = await adapter.requestDevice({
    requiredFeatures: featuresOf(adapter, limits),
    requiredLimits: {
      maxStorageBufferBindingSize: limits.bindingBytes,
      maxBufferSize: adapter.limits.maxBufferSize,
      maxComputeInvocationsPerWorkgroup: limits.workgroupSize,
      maxComputeWorkgroupSizeX: Math.min(
        limits.workgroupSize,
        adapter.limits.maxComputeWorkgroupSizeX,
      ),
      maxComputeWorkgroupStorageSize: limits.workgroupMemory,
      maxComputeWorkgroupsPerDimension: limits.workgroupsPerDimension,
      maxStorageBuffersPerShaderStage: Math.min(
        adapter.limits.maxStorageBuffersPerShaderStage,
        storageBuffers,
      ),
    },
  });
  return new Device(device, limits, nameOf(adapter));
}

/** Every WebGPU device binds as many, and no kernel needs more. */
const storageBuffers = 8;

/** No kernel asks for more threads: larger workgroups only wait longer at their barriers. */
const mostThreads = 256;

/** A device in software has a thread or two for each core of the machine. */
const softwareWorkgroups = 4;

function limitsOf({ features, limits, info }: GPUAdapter, most: Partial<GpuLimits>): GpuLimits {
  return {
    shaderF16: features.has('shader-f16') && most.shaderF16 !== false,
    subgroups: features.has('subgroups') && most.subgroups !== false,
    workgroupSize: within(
      Math.min(limits.maxComputeInvocationsPerWorkgroup, mostThreads),
      most.workgroupSize,
    ),
    workgroupMemory: within(limits.maxComputeWorkgroupStorageSize, most.workgroupMemory),
    bindingBytes: within(limits.maxStorageBufferBindingSize, most.bindingBytes),
    workgroupsPerDimension: within(
      limits.maxComputeWorkgroupsPerDimension,
      most.workgroupsPerDimension,
    ),
    busyWorkgroups: info.isFallbackAdapter ? softwareWorkgroups : leastLimits.busyWorkgroups,
  };
}

function within(limit: number, wanted: number | undefined): number {
  return Math.min(limit, wanted ?? limit);
}

function featuresOf(
  { features }: GPUAdapter,
  { shaderF16, subgroups }: GpuLimits,
): GPUFeatureName[] {
  const wanted: readonly (readonly [GPUFeatureName, boolean])[] = [
    ['shader-f16', shaderF16],
    ['subgroups', subgroups],
    ['timestamp-query', features.has('timestamp-query')],
  ];
  return wanted.filter(([, asked]) => asked).map(([name]) => name);
}

function nameOf({ info: { vendor, architecture, device, description } }: GPUAdapter): string {
  const model = description || device || architecture || 'unknown adapter';
  return vendor && !model.toLowerCase().includes(vendor) ? `${model} (${vendor})` : model;
}

/** A browser's own WebGPU; undefined in Node, and in a browser without it. */
function browserGpu(): GPU | undefined {
  return (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
}

function noBrowserAdapter(gpu: GPU | undefined): ToolkitError {
  const rule = gpu ? 'the browser finds no GPU adapter' : 'the browser has no WebGPU';
  return new ToolkitError('RUNTIME_MISSING', rule, {
    fix: gpu
      ? 'switch hardware acceleration on in its settings, and update the graphics driver'
      : 'open the page over https or on localhost, in a current Chrome, Edge, Firefox or Safari',
  });
}

/** A driver in software, for machines without a GPU. */
const softwareDriver =
  'apt-get install -y chromium-common && export LD_LIBRARY_PATH=/usr/lib/chromium ' +
  'VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json';

/** What to do on a machine without a GPU, or without its driver. */
export function noAdapter(): ToolkitError {
  return new ToolkitError('RUNTIME_MISSING', 'there is no GPU adapter', {
    fix:
      `install the Vulkan driver of the GPU, or on Debian one in software with \`${softwareDriver}\`; ` +
      'or choose --runtime onnxruntime',
  });
}

function oneLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? '';
}
