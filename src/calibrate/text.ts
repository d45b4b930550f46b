// The tokens that calibrate: windows of a given text, a text that the model writes, or, where there
// is no head to write with, tokens at random.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Hasher } from '../base/files.ts';
import type { Calibration } from '../base/manifest.ts';
import type { Engine } from './engine.ts';
import type { Weights } from './weights.ts';
import { writeText } from './write-text.ts';

/** Windows, and the tokens of each: twice as many of them change gptq's result by a hundredth. */
export const windows = 32;
export const windowLength = 256;

/** How many windows there are where a text has as many. */
export interface WindowCounts {
  readonly calibrating: number;
  /** Others, to measure on. */
  readonly heldOut: number;
}

/** Any would do; it is fixed so that the same checkpoint gives the same bytes. */
const seed = 0;

export interface TextModel {
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
  readonly weights: Weights;
  readonly engine: Engine;
}

export interface TextTools {
  readonly encode: (text: string) => Promise<readonly number[]>;
  /** Random numbers in [0, 1) of one of a seed's streams. */
  readonly random: (seed: number, stream: number) => () => number;
  readonly sha256: () => Hasher;
  /** Told how many tokens of how many are written. */
  readonly onWritten: (done: number, total: number) => void;
}

export interface CalibrationTokens {
  readonly sequences: readonly Int32Array[];
  /** Windows that nothing is fitted to, to measure on. */
  readonly heldOut: readonly Int32Array[];
  readonly calibration: Calibration;
}

/** The tokens to calibrate on. */
export async function calibrationText(
  model: TextModel,
  text: string | undefined,
  tools: TextTools,
  { calibrating, heldOut }: WindowCounts = { calibrating: windows, heldOut: 0 },
): Promise<CalibrationTokens> {
  if (text !== undefined) return await givenText(model, text, tools, { calibrating, heldOut });
  const { config, task, weights, engine } = model;
  const length = Math.min(windowLength, config.maxPositions);
  const random = (stream: number): (() => number) => tools.random(seed, stream);
  const count = calibrating + heldOut;
  const parted = (all: readonly Int32Array[]): Omit<CalibrationTokens, 'calibration'> => ({
    sequences: all.slice(0, calibrating),
    heldOut: all.slice(calibrating),
  });
  const tokens = calibrating * length;
  if (task !== 'text-generation') {
    const all = Array.from({ length: count }, (_, i) => atRandom(config, length, random(i)));
    return { ...parted(all), calibration: { source: 'random', seed, tokens } };
  }
  const all = await writeText(config, weights, engine, {
    count,
    length,
    random,
    onWritten: (done) => tools.onWritten(done, count * length),
  });
  return { ...parted(all), calibration: { source: 'model', seed, tokens } };
}

async function givenText(
  { config }: TextModel,
  text: string,
  { encode, sha256 }: TextTools,
  counts: WindowCounts,
): Promise<CalibrationTokens> {
  const ids = text.trim() === '' ? [] : await encode(text);
  if (ids.length === 0) {
    throw new ToolkitError('CALIBRATION_EMPTY', 'a calibration text has one token at least', {
      fix: 'give a file with text of the kind that the model is for',
    });
  }
  const outside = ids.find((id) => id >= config.vocabSize);
  if (outside !== undefined) {
    throw new ToolkitError(
      'TOKENIZER_INVALID',
      'the tokenizer gives ids that the embedding lacks',
      {
        where: { id: outside, vocab_size: config.vocabSize },
      },
    );
  }
  const hasher = sha256();
  hasher.update(new TextEncoder().encode(text));
  const all = spreadWindows(
    ids,
    Math.min(windowLength, config.maxPositions),
    counts.calibrating + counts.heldOut,
  );
  const { sequences, heldOut } = partedText(all, counts);
  const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
  return { sequences, heldOut, calibration: { source: 'text', sha256: hasher.digest(), tokens } };
}

/** Parts of a text's windows as many as are asked for, or in that ratio; both from its whole length. */
function partedText(
  all: readonly Int32Array[],
  { calibrating, heldOut }: WindowCounts,
): Omit<CalibrationTokens, 'calibration'> {
  const share = Math.round((all.length * heldOut) / (calibrating + heldOut));
  const out = heldOut === 0 ? 0 : Math.min(Math.max(share, 1), all.length - 1);
  // from the middles of equal parts: the last window is often a short one
  const outBefore = (i: number): number => Math.floor((i * out) / all.length + 0.5);
  const isOut = (_: Int32Array, i: number): boolean => outBefore(i + 1) > outBefore(i);
  return {
    sequences: all.filter((window, i) => !isOut(window, i)),
    heldOut: all.filter(isOut),
  };
}

/** Windows at even distances, from a long text's whole length. */
function spreadWindows(
  ids: readonly number[],
  length: number,
  most: number,
): readonly Int32Array[] {
  const all = Math.ceil(ids.length / length);
  const count = Math.min(all, most);
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * all) / count) * length;
    return Int32Array.from(ids.slice(from, from + length));
  });
}

function atRandom(
  { vocabSize }: ModernBertDecoderConfig,
  length: number,
  random: () => number,
): Int32Array {
  return Int32Array.from({ length }, () => Math.floor(random() * vocabSize));
}
