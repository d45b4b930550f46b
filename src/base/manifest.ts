// The manifest: what an output folder was made from, what it holds, and what was measured on it.
// No path, time or host stands in it, so the same input and options give the same bytes.

import type { Task } from './config.ts';
import type { WrittenFile } from './files.ts';

/** The manifest's name in the output folder. */
export const manifestName = 'modernbert-onnx.json';

/** Formats that a conversion writes: floats, and codes of 8 or 4 bits; f16 computes in half. */
export type WeightFormat = 'fp32' | 'fp16' | 'q8' | 'q4' | 'q4f16';

/** Every format, the most exact first. */
export const weightFormats: readonly WeightFormat[] = ['fp32', 'fp16', 'q8', 'q4', 'q4f16'];

/** Whether a format keeps weights as codes. */
export function isQuantized(format: WeightFormat): boolean {
  return format !== 'fp32' && format !== 'fp16';
}

/** Whether a format computes, and keeps its cache, in half precision. */
export function isHalf(format: WeightFormat): boolean {
  return format === 'fp16' || format === 'q4f16';
}

/** How a conversion quantizes weights. */
export interface Quantization {
  /** How codes are found. */
  readonly method: QuantizationMethod;
  /** Weights with one scale. */
  readonly blockSize: number;
  /** Whether blocks have zero points: auto gives them to 4 bits, and none to 8. */
  readonly symmetry: 'auto' | 'symmetric' | 'asymmetric';
  /** accuracy_level of MatMulNBits. */
  readonly accuracyLevel: number;
  /** Weights in another format than the dtype's; later rules win. */
  readonly keep?: readonly KeepRule[];
  /** What gptq was calibrated on, and what formats were chosen by. */
  readonly calibration?: Calibration;
  /** What `keep` has of formats that were chosen by measuring. */
  readonly choices?: readonly FormatChoice[];
}

/** Formats of a dtype's weights, chosen for a KL divergence from fp32. */
export interface FormatChoice {
  readonly dtype: WeightFormat;
  readonly target: number;
  /** Format of the weights that are not raised, and of those that are. */
  readonly format: KeptFormat;
  readonly raised: KeptFormat;
  /** Mean KL divergence over tokens, measured with all weights in their formats. */
  readonly kl: number;
  /** Of that mean; the target is met where the mean and two standard errors are within it. */
  readonly standardError: number;
  /** Tokens measured on, and whether they are others than the choice was made on. */
  readonly tokens: number;
  readonly heldOut: boolean;
  /** The same divergence with no unit raised, and with all; the latter where it was measured. */
  readonly klUnraised: number;
  readonly klRaised?: number;
  readonly units: readonly ChosenUnit[];
}

/** Weights whose format was chosen together. */
export interface ChosenUnit {
  /** As a rule of `keep` names them. */
  readonly pattern: string;
  readonly format: KeptFormat;
  /** KL divergence of the model that has only this unit in the smaller format. */
  readonly klAlone: number;
  /** What the larger format takes more. */
  readonly bytes: number;
}

/** Formats that a weight of a quantized dtype may be kept in, the smallest last. */
export const keptFormats: readonly KeptFormat[] = ['fp32', 'fp16', 'q8', 'q4'];

export type KeptFormat = 'fp32' | 'fp16' | 'q8' | 'q4';

/** Keeps weights of a quantized dtype in another format. */
export interface KeepRule {
  /** The dtype it is for; without one, every quantized dtype. */
  readonly dtype?: WeightFormat;
  /** Names of weights, with `*` for any characters. */
  readonly pattern: string;
  readonly format: KeptFormat;
}

/**
 * rtn rounds each weight by itself, with the scales of least squared error; gptq makes up for the
 * error of each weight in those that are rounded later.
 */
export type QuantizationMethod = 'rtn' | 'gptq';

/** Every method. */
export const quantizationMethods: readonly QuantizationMethod[] = ['rtn', 'gptq'];

/** Text that calibrated a conversion: a given one, one the model wrote, or tokens at random. */
export type Calibration =
  | { readonly source: 'text'; readonly sha256: string; readonly tokens: number }
  | { readonly source: 'model' | 'random'; readonly seed: number; readonly tokens: number };

/** What the bodies of the fused operators are made of. */
export type Target = 'onnxruntime' | 'portable';

/** A repository of the Hugging Face Hub at a commit. */
export interface HubSource {
  readonly id: string;
  readonly revision: string;
}

/** A value of the graph that half floats cannot hold for sure. */
export interface FloatValue {
  readonly name: string;
  /** Largest magnitude over the tokens that were measured. */
  readonly largest: number;
}

/** A weight that holds values which are not finite. */
export interface NonFiniteWeight {
  readonly name: string;
  readonly count: number;
}

/** One model file held against reference outputs on one runtime. */
export interface Verification {
  /** Path of the model in the folder. */
  readonly file: string;
  readonly dtype: WeightFormat;
  /** `onnxruntime 1.30.0 (cpu)`. */
  readonly runtime: string;
  /** Where the reference outputs came from: a case's name, or the oracle. */
  readonly golden: string;
  readonly passed: boolean;
  /** Worst figure over the prompts, by the metric's name. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A format held against fp32 of the same folder on a text; fp32 itself has a perplexity only. */
export interface RecordedComparison {
  readonly dtype: WeightFormat;
  /** `onnxruntime 1.30.0 (cpu)`. */
  readonly runtime: string;
  /** sha256 of the text's file. */
  readonly text: string;
  /** Tokens of all windows. */
  readonly tokens: number;
  /** Tokens of one window. */
  readonly window: number;
  /** perplexity; for others than fp32 also meanKl, maxKl and top1, a part of 1. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface Manifest {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: string; readonly version: string };
  /** The Hub repository the checkpoint came from and its commit, where that is known. */
  readonly source?: HubSource;
  readonly task: Task;
  readonly target: Target;
  readonly dtypes: readonly WeightFormat[];
  /** Of the quantized formats, where there are any. */
  readonly quantization?: Quantization;
  /** Values that are float32 in half formats, where there are any. */
  readonly floatValues?: readonly FloatValue[];
  /** Files that were read. */
  readonly inputs: readonly WrittenFile[];
  /** Files of this folder, the manifest itself left out. */
  readonly outputs: readonly WrittenFile[];
  readonly weights: {
    /** Parameters of the checkpoint's tensors. */
    readonly parameters: number;
    /** Tensors of the checkpoint that no weight of the graph is made of. */
    readonly unused: readonly string[];
    readonly nonFinite: readonly NonFiniteWeight[];
  };
  readonly warnings: readonly string[];
  /** Sorted by file, runtime and golden. */
  readonly verifications: readonly Verification[];
  /** Sorted by text, runtime, tokens, window and dtype; left out where nothing was compared. */
  readonly comparisons?: readonly RecordedComparison[];
}

/** Where the model of a format lies in an output folder. */
export const modelPaths: Readonly<Record<WeightFormat, string>> = {
  fp32: 'onnx/model.onnx',
  fp16: 'onnx/model_fp16.onnx',
  q8: 'onnx/model_quantized.onnx',
  q4: 'onnx/model_q4.onnx',
  q4f16: 'onnx/model_q4f16.onnx',
};

/** Bytes of a format's model and its data files. */
export function modelBytes({ outputs }: Pick<Manifest, 'outputs'>, dtype: WeightFormat): number {
  const model = modelPaths[dtype];
  return outputs
    .filter(({ path }) => path === model || path.startsWith(`${model}_data`))
    .reduce((sum, { size }) => sum + size, 0);
}

/** The bytes of a manifest. */
export function printManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** The manifest with a file replaced or added. */
export function withOutput(manifest: Manifest, file: WrittenFile): Manifest {
  const others = manifest.outputs.filter(({ path }) => path !== file.path);
  return { ...manifest, outputs: [...others, file].toSorted(byKey(({ path }) => path)) };
}

/** The manifest with figures added; a measurement repeated takes the place of the older one. */
export function withVerifications(manifest: Manifest, added: readonly Verification[]): Manifest {
  const key = ({ file, runtime, golden }: Verification): string =>
    [file, runtime, golden].join('\n');
  return { ...manifest, verifications: renewed(manifest.verifications, added, key) };
}

/** The manifest with comparisons added; one repeated takes the place of the older one. */
export function withComparisons(
  manifest: Manifest,
  added: readonly RecordedComparison[],
): Manifest {
  const key = ({ text, runtime, tokens, window, dtype }: RecordedComparison): string =>
    [text, runtime, tokens, window, weightFormats.indexOf(dtype)].join('\n');
  return { ...manifest, comparisons: renewed(manifest.comparisons ?? [], added, key) };
}

/** Items with others added in place of those with the same key, in the order of the keys. */
function renewed<T>(
  items: readonly T[],
  added: readonly T[],
  key: (item: T) => string,
): readonly T[] {
  const replaced = new Set(added.map(key));
  return [...items.filter((item) => !replaced.has(key(item))), ...added].toSorted(byKey(key));
}

// Not localeCompare: the order may not depend on the machine.
function byKey<T>(key: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b)));
}
