// The way of the data: source → checkpoint → config → graph → passes → weights → files → proof.
//
// Headers are read and every weight is matched to the graph before anything is written; the numbers
// themselves are read once, in chunks, while the files are written.

import type { Checkpoint } from './base/checkpoint.ts';
import type { ModernBertDecoderConfig, Task } from './base/config.ts';
import type { ByteSource, Sink, SourceFolder, WrittenFile } from './base/files.ts';
import {
  type FloatValue,
  type Manifest,
  manifestName,
  modelPaths,
  printManifest,
  type FormatChoice,
  type Target,
  type Verification,
  type WeightFormat,
  withOutput,
  withVerifications,
} from './base/manifest.ts';
import { both } from './base/settle.ts';
import { pureSha256 } from './base/sha256.ts';
import { tool } from './base/version.ts';
import type { CalibrationTokens } from './calibrate/text.ts';
import type { Asset } from './checkpoint/assets.ts';
import { consumerFiles } from './consumer-files.ts';
import { manifestOf } from './conversion-manifest.ts';
import { calibrationFor, mixedJobs, roundByGptq } from './gptq.ts';
import { beyondHalf, floatNames, type HalfRangeOptions } from './half-range.ts';
import { checkModel } from './ir/check.ts';
import { countNodes, type NodeCounts } from './ir/count.ts';
import type { Graph } from './ir/graph.ts';
import { bindWeights, isTied, unusedTensors } from './model/bind.ts';
import { buildGraph, fusedRules } from './model/build.ts';
import { refuseLeftOut } from './model/left-out.ts';
import { openSource, type Source } from './model/source.ts';
import { checkpointWeights, weightBytes } from './model/weight-source.ts';
import { planFiles, type WriteJob, writeModels } from './onnx/write-model.ts';
import { toFormat } from './passes/format.ts';
import { quantizedTensors } from './passes/quantize.ts';
import { forTarget } from './passes/target.ts';
import { checkKeep } from './quantize/keep.ts';
import { completeSettings } from './quantize/settings.ts';
import { checkTargetKl, type TargetKlOptions, withChosenFormats } from './target-kl.ts';

export interface ConvertOptions extends HalfRangeOptions, TargetKlOptions {
  /** Without one, the task of the config's `architectures`. */
  readonly task?: Task;
  readonly dtypes: readonly WeightFormat[];
  readonly target: Target;
  /** Weights inside the model file, which must stay below 2 GiB. */
  readonly singleFile?: boolean;
  /**
   * A data file stays below so many bytes, and the rest goes to further files: 2,000,000,000 by
   * default, as much as a browser takes. A weight that is larger alone has a file of its own.
   */
  readonly maxDataFileBytes?: number;
  /** Whether the graph has the input num_logits_to_keep; it has one by default. */
  readonly numLogitsToKeep?: boolean;
  /** Hashes a whole file of weights; without one, `sha256` does so on the calling thread. */
  readonly hashFile?: (source: ByteSource) => Promise<WrittenFile>;
  /** Called before anything is written; what it throws ends the conversion. */
  readonly onPlan?: (plan: Plan) => Promise<void>;
  /** Called when the model files lie in the sink; what it finds goes into the manifest. */
  readonly prove?: (subject: Subject) => Promise<Proof>;
  /** Check every model against the rules of the graph before writing it. */
  readonly debug?: boolean;
}

/** What a conversion will write. */
export interface Plan {
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly target: Target;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly nodes: NodeCounts;
  /** Formats that were chosen for a KL divergence. */
  readonly choices?: readonly FormatChoice[];
}

/** What a proof is made of: the checkpoint as it was read, and the manifest so far. */
export interface Subject {
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly checkpoint: Checkpoint;
  readonly manifest: Manifest;
}

export interface Proof {
  readonly verifications: readonly Verification[];
  /** Files to keep beside the manifest, as the outputs the verifications refer to. */
  readonly files: readonly Asset[];
}

/** Converts a checkpoint's folder into a folder of ONNX models; returns the manifest it wrote. */
export async function convert(
  folder: SourceFolder,
  sink: Sink,
  asked: ConvertOptions,
): Promise<Manifest> {
  const source = await openSource(folder, asked);
  const { checkpoint, config, task } = source;
  try {
    checkTargetKl(source, asked);
    const graph = buildBound(source, asked);
    checkRules(graph, asked);
    const floatValues = await beyondHalf(source, folder, graph, asked);
    const { options, tokens } = await withFormats(source, folder, graph, asked);
    const jobs = modelsOf(graph, folder, task, { ...options, floatValues });
    const assets = consumerFiles(source, jobs, options);
    await options.onPlan?.(planOf(graph, source, jobs, assets, options));

    const text = tokens ?? (await calibrationFor(source, folder, options));
    const weights = checkpointWeights(checkpoint.tensors, {
      rounded: await roundByGptq(source, text, jobs, options),
      engine: options.engine,
      onRead: progressOf(weightBytes(graph, checkpoint.tensors), options),
    });
    // Hashing goes on beside writing: on another thread, or while writing waits for the disk.
    const [models, hashes] = await both(
      writeModels(jobs, weights, sink, options),
      checkpoint.hashes(),
    );
    const others = await writeAssets(assets, sink);
    const manifest = manifestOf(source, {
      ...options,
      ...(folder.hub && { source: folder.hub }),
      ...(text && { calibrated: text.calibration }),
      inputs: [...hashes, ...source.inputs.map((each) => hashed(each, options))],
      outputs: [...models, ...others],
      floatValues,
      unused: unusedTensors(graph, checkpoint.tensors),
      nonFinite: weights.nonFinite(),
    });
    const proof = await options.prove?.({ config, task, checkpoint, manifest });
    return await writeManifest(manifest, proof, sink);
  } finally {
    await checkpoint.close();
  }
}

/** What `convert` would write, without writing it. */
export async function plan(folder: SourceFolder, asked: ConvertOptions): Promise<Plan> {
  const source = await openSource(folder, asked);
  try {
    checkTargetKl(source, asked);
    const graph = buildBound(source, asked);
    checkRules(graph, asked);
    const { options } = await withFormats(source, folder, graph, asked);
    const jobs = modelsOf(graph, folder, source.task, options);
    return planOf(graph, source, jobs, consumerFiles(source, jobs, options), options);
  } finally {
    await source.checkpoint.close();
  }
}

/** Refuses rules of --keep before any weight is read for them. */
function checkRules(graph: Graph, { dtypes, quantization }: ConvertOptions): void {
  checkKeep(completeSettings(quantization).keep ?? [], dtypes, quantizedTensors(graph));
}

/** The options with formats chosen for a KL divergence, and the tokens they were chosen on. */
async function withFormats(
  source: Source,
  folder: SourceFolder,
  graph: Graph,
  options: ConvertOptions,
): Promise<{ readonly options: ConvertOptions; readonly tokens?: CalibrationTokens | undefined }> {
  if (options.targetKl === undefined) return { options };
  const tokens = await calibrationFor(source, folder, options);
  const quantization = await withChosenFormats(source, graph, tokens, options);
  return { options: { ...options, quantization }, tokens };
}

/** The float32 graph, with a tensor of the right shape for each of its weights. */
function buildBound({ checkpoint, config, task }: Source, options: ConvertOptions): Graph {
  const { tensors } = checkpoint;
  const tied = task === 'text-generation' && isTied(config, tensors);
  const { numLogitsToKeep = true } = options;
  const graph = buildGraph(config, { task, tied, numLogitsToKeep });
  bindWeights(graph, tensors);
  refuseLeftOut({ config, task }, graph, tensors);
  return graph;
}

function modelsOf(
  graph: Graph,
  { hub }: SourceFolder,
  task: Task,
  {
    dtypes,
    target,
    quantization,
    debug,
    floatValues = [],
  }: ConvertOptions & { readonly floatValues?: readonly FloatValue[] },
): readonly WriteJob[] {
  const settings = completeSettings(quantization);
  const floats = floatNames(floatValues, graph);
  const jobs = dtypes.map((dtype) => {
    const pass = toFormat(dtype, fusedRules, target, settings, floats);
    const model = forTarget(pass(graph), target, {
      producer: tool,
      metadata: {
        tool: tool.name,
        version: tool.version,
        ...(hub && { source: hub.id, revision: hub.revision }),
        task,
        dtype,
        target,
      },
    });
    if (debug) checkModel(model, fusedRules);
    return { model, path: modelPaths[dtype] };
  });
  return settings.method === 'gptq' ? mixedJobs(jobs) : jobs;
}

function planOf(
  graph: Graph,
  { config, task }: Source,
  jobs: readonly WriteJob[],
  assets: readonly Asset[],
  options: ConvertOptions,
): Plan {
  const plans = jobs.map((job) => planFiles(job, options));
  for (const sentence of plans.flatMap(({ warnings }) => warnings)) options.onWarning?.(sentence);
  const others = assets.map(({ name, bytes }) => ({ path: name, size: bytes.byteLength }));
  const files = [...plans.flatMap((each) => each.files), ...others];
  const { target, quantization } = options;
  const choices = quantization?.choices;
  return { config, task, target, files, nodes: countNodes(graph), ...(choices && { choices }) };
}

async function writeAssets(assets: readonly Asset[], sink: Sink): Promise<readonly WrittenFile[]> {
  const written: WrittenFile[] = [];
  for (const { name, bytes } of assets) {
    const file = await sink.create(name);
    await file.write(bytes);
    written.push(await file.close());
  }
  return written;
}

async function writeManifest(
  manifest: Manifest,
  proof: Proof | undefined,
  sink: Sink,
): Promise<Manifest> {
  const files = await writeAssets(proof?.files ?? [], sink);
  const proven = withVerifications(
    files.reduce((sum, file) => withOutput(sum, file), manifest),
    proof?.verifications ?? [],
  );
  await writeAssets([{ name: manifestName, bytes: printManifest(proven) }], sink);
  return proven;
}

function progressOf(total: number, { onProgress }: ConvertOptions): (bytes: number) => void {
  let done = 0;
  return (bytes) => {
    done += bytes;
    onProgress?.({ stage: 'weights', done, total });
  };
}

function hashed({ name, bytes }: Asset, { sha256 = pureSha256 }: ConvertOptions): WrittenFile {
  const hasher = sha256();
  hasher.update(bytes);
  return { path: name, size: bytes.byteLength, sha256: hasher.digest() };
}
