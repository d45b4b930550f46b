// How much memory a conversion takes at most. Weights pass through buffers of fixed size, so the
// size of the checkpoint does not count; what does are the buffers, the model files without their
// weights, and Node itself. The check of half floats and gptq come on top, for they run the model.
//
// What gptq lets go of counts as if it held it: the collector takes its time with memory that threads
// share, and how much depends on the machine. The check uses its memory again and again.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import { chunkBytes, panelBytes } from '../base/limits.ts';
import { isHalf, isQuantized, type WeightFormat } from '../base/manifest.ts';
import { windowLength, windows } from '../calibrate/text.ts';
import { together } from '../calibrate/write-text.ts';
import { cacheRoom } from '../calibrate/writer.ts';
import type { ConvertOptions, Plan } from '../convert.ts';

/** Node with the converter loaded and its garbage not yet collected, measured and rounded up. */
const baseBytes = 80_000_000;

/** A thread of Node's with its part of the rounding loaded, measured and rounded up. */
const threadBytes = 15_000_000;

/** Chunks that are read, encoded and written at a time, for the checkpoint and for each model. */
const chunksEach = 2;

type MemoryOptions = Pick<
  ConvertOptions,
  'dtypes' | 'quantization' | 'calibration' | 'targetKl' | 'fp16Check'
> & {
  /** That round and multiply. */
  readonly threads: number;
};

/** An upper estimate of the resident memory of carrying out a plan. */
export function peakMemory(plan: Plan, options: MemoryOptions): number {
  const { files, config } = plan;
  const { dtypes, quantization, targetKl, fp16Check = true, threads } = options;
  const models = files.filter(({ path }) => path.endsWith('.onnx')).length;
  const small = files.filter(({ path }) => !path.startsWith('onnx/'));
  const whole = small.reduce((sum, { size }) => sum + size, 0);
  const buffers = panelBytes + (models + 1) * chunksEach * chunkBytes;
  const checks = fp16Check && dtypes.some(isHalf);
  const rounds = dtypes.some(isQuantized);
  // a choice of formats takes less than gptq: it runs the same models, and sums up nothing
  const calibrates = rounds && (quantization?.method === 'gptq' || targetKl !== undefined);
  return (
    baseBytes +
    4 * whole + // a text takes twice its bytes, and its parsed form as much again
    (checks || rounds ? threads * threadBytes : 0) +
    (checks ? checkMemory(config) : 0) +
    Math.max(buffers, calibrates ? gptqMemory(plan, options) : 0) // gptq ends before files are written
  );
}

/** Memory for the weights of one step after the other, the widest of them, and a slab of the table. */
function checkMemory(config: ModernBertDecoderConfig): number {
  const { hiddenSize, intermediateSize } = config;
  const slab = Math.min(4 * weightsOf(config).table, chunkBytes);
  // Wi takes the place of q, the first; k and v stand beside it
  const step = 2 * hiddenSize * intermediateSize + 2 * hiddenSize ** 2;
  return 4 * step + 2 * slab; // as it was read, and as floats
}

/** Tables of tokens at a time: as it was read, as it comes back from codes, and on the way there. */
const tables = 3;

/** Square matrices of doubles for the sums over a product's inputs. */
const squares = 8;

/** Codes of a weight with their scale and zero point, by its bits. */
const bytesOfCodes = (bits: number): number => bits / 8 + 5 / 32;

function gptqMemory({ config, task }: Plan, { dtypes, calibration }: MemoryOptions): number {
  const { hiddenSize, intermediateSize, layers, vocabSize, maxPositions } = config;
  const { table, all } = weightsOf(config);
  const length = Math.min(windowLength, maxPositions);
  const positions = layers.reduce((sum, { window }) => sum + cacheRoom(window, length), 0);
  const caches = 2 * together * hiddenSize * positions;
  const writes = task === 'text-generation' && calibration === undefined;
  const written = writes ? 4 * (all + caches + together * vocabSize) : 0;

  // each format that is rounded runs the exact model and the rounded one, side by side
  const formats = [...new Set(dtypes.filter(isQuantized).map(bitsOf))];
  const streams = 2 * formats.length * 4 * windows * length * (2 * hiddenSize + intermediateSize);
  const codes = formats.reduce((sum, bits) => sum + all * bytesOfCodes(bits), 0);
  const widest = Math.max(hiddenSize, intermediateSize);
  return written + streams + codes + tables * 4 * table + squares * 8 * widest ** 2;
}

function bitsOf(format: WeightFormat): number {
  return format === 'q8' ? 8 : 4;
}

/** How many weights the token table and the whole model have; biases are few. */
function weightsOf({
  vocabSize,
  hiddenSize,
  intermediateSize,
  layers,
  tieWordEmbeddings,
}: ModernBertDecoderConfig): {
  readonly table: number;
  readonly all: number;
} {
  const table = vocabSize * hiddenSize;
  const layer = 4 * hiddenSize ** 2 + 3 * hiddenSize * intermediateSize;
  const all = (tieWordEmbeddings ? 1 : 2) * table + layers.length * layer + hiddenSize ** 2;
  return { table, all };
}
