// `bench`: how fast a converted model runs on this machine, alone or in turns with ONNX Runtime.

import { join } from 'node:path';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Target, WeightFormat } from '../base/manifest.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import { verifyModelFiles } from '../onnx/verify-files.ts';
import type { Device } from '../runtime/gpu/device.ts';
import type { Engine } from '../runtime/gpu/engine.ts';
import { gpuDecoder } from '../runtime/gpu/decoder.ts';
import { loadModel } from '../runtime/gpu/load.ts';
import { type Greedy, greedyOn } from '../runtime/measure.ts';
import { measurePeaks } from '../runtime/gpu/measure-device.ts';
import { onnxRuntimeGreedy, type Provider } from '../runtime/measure-onnxruntime.ts';
import { modelName, readManifest, readOutputConfig } from '../runtime/output.ts';
import type { BenchFlags } from './bench-grammar.ts';
import { measureAll, type Subject } from './bench-measure.ts';
import { type BenchDevice, benchDocument, type BenchReport, benchText } from './bench-report.ts';
import type { Context, Outcome } from './command.ts';
import { nativeDevice } from './vulkan-driver.ts';

export async function benchCommand(
  path: string,
  flags: BenchFlags,
  context: Context,
): Promise<Outcome> {
  checkFlags(flags);
  const model = await openModel(path, flags.dtype);
  const report =
    flags.runtime === 'onnxruntime'
      ? await benchCpu(model, flags, context)
      : await benchGpu(model, flags, context);
  return { passed: true, text: benchText(report), document: benchDocument(report) };
}

function checkFlags({ runtime, vs, vsFolder }: BenchFlags): void {
  if (runtime === 'onnxruntime' && vs !== undefined) {
    throw new ToolkitError('USAGE', '--vs compares the webgpu runtime', {
      fix: 'leave out --runtime onnxruntime, or --vs',
    });
  }
  if (vs !== undefined || vsFolder === undefined) return;
  throw new ToolkitError('USAGE', '--vs-folder is the model of --vs', {
    fix: 'add --vs onnxruntime',
  });
}

/** A language model of an output folder. */
interface BenchModel {
  readonly path: string;
  readonly name: string;
  readonly dtype: WeightFormat;
  readonly target: Target;
  readonly config: ModernBertDecoderConfig;
}

async function openModel(path: string, dtype: WeightFormat | undefined): Promise<BenchModel> {
  const root = await openFolder(path);
  const manifest = await readManifest({ root, models: root });
  if (manifest.task !== 'text-generation') {
    throw new ToolkitError('USAGE', `the folder holds a model for ${manifest.task}`, {
      where: { folder: root.name },
      fix: 'bench measures language models: convert with --task text-generation',
    });
  }
  const models = await openFolder(join(path, 'onnx'));
  const chosen = dtype ?? manifest.dtypes[0] ?? 'fp32';
  const name = modelName({ root, models }, manifest, chosen);
  await verifyModelFiles(models, name);
  const { config } = await readOutputConfig({ root });
  return { path, name, dtype: chosen, target: manifest.target, config };
}

async function onOnnxRuntime(
  { path, name, config }: BenchModel,
  provider: Provider,
): Promise<Greedy> {
  const layers = config.layers.length;
  return await onnxRuntimeGreedy(join(path, 'onnx', name), { provider, layers });
}

async function benchCpu(
  model: BenchModel,
  flags: BenchFlags,
  context: Context,
): Promise<BenchReport> {
  const greedy = await onOnnxRuntime(model, 'cpu');
  try {
    const found = await measureAll(subjectOf(model, [greedy]), flags, context);
    return { runtime: greedy.name, dtype: model.dtype, ...found };
  } finally {
    await greedy.close();
  }
}

async function benchGpu(
  model: BenchModel,
  flags: BenchFlags,
  context: Context,
): Promise<BenchReport> {
  const device = await nativeDevice();
  let engine: Engine | undefined;
  let other: Greedy | undefined;
  try {
    const otherModel = await openOther(model, flags, device);
    context.progress.status('measuring the device');
    const peaks = await measurePeaks(device);
    context.progress.status('loading the model');
    ({ engine } = await loadModel(device, await openFolder(join(model.path, 'onnx')), model.name));
    other = otherModel && (await onOnnxRuntime(otherModel, 'webgpu'));
    const greedy = greedyOn(gpuDecoder(engine));
    const subject = subjectOf(model, other ? [greedy, other] : [greedy], engine);
    const found = await measureAll(subject, flags, context);
    return {
      runtime: greedy.name,
      dtype: model.dtype,
      device: describe(device, peaks),
      ...(other && { versus: other.name }),
      ...found,
    };
  } finally {
    await other?.close();
    engine?.destroy();
    device.destroy();
  }
}

function subjectOf(
  { config: { maxPositions, vocabSize } }: BenchModel,
  contestants: readonly Greedy[],
  engine?: Engine,
): Subject {
  return {
    contestants,
    positions: maxPositions,
    vocabulary: vocabSize,
    ...(engine && { work: (input) => engine.work([input]) }),
  };
}

/** Vendors on whose GPUs ONNX Runtime's own attention is right on every driver. */
const exactVendors = ['nvidia', 'apple'];

/** The model that the other runtime is given. */
async function openOther(
  model: BenchModel,
  { vs, vsFolder }: BenchFlags,
  device: Device,
): Promise<BenchModel | undefined> {
  if (vs === undefined) return undefined;
  const other = vsFolder === undefined ? model : await openModel(vsFolder, model.dtype);
  const { vendor } = device.gpu.adapterInfo;
  if (other.target === 'portable' || exactVendors.includes(vendor)) return other;
  throw new ToolkitError(
    'UNSUPPORTED_OPTION',
    "the attention of ONNX Runtime's WebGPU provider is not exact on this GPU",
    {
      where: { device: device.name, target: other.target },
      fix: 'convert with --target portable, and give that folder with --vs-folder',
    },
  );
}

function describe(device: Device, peaks: BenchDevice['peaks']): BenchDevice {
  const { vendor, architecture, description } = device.gpu.adapterInfo;
  return { name: device.name, vendor, architecture, driver: description, peaks };
}
