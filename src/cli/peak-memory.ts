// How much memory a conversion takes at most. Weights pass through buffers of fixed size, so the
// size of the checkpoint does not count; what does are the buffers, the model files without their
// weights, and Node itself.

import { chunkBytes, panelBytes } from '../base/limits.ts';
import type { Plan } from '../convert.ts';

/** Node with the converter loaded and its garbage not yet collected, measured and rounded up. */
const baseBytes = 80_000_000;

/** Chunks that are read, encoded and written at a time, for the checkpoint and for each model. */
const chunksEach = 2;

/** An upper estimate of the resident memory of carrying out a plan. */
export function peakMemory({ files }: Plan): number {
  const models = files.filter(({ path }) => path.endsWith('.onnx')).length;
  const small = files.filter(({ path }) => !path.startsWith('onnx/'));
  const whole = small.reduce((sum, { size }) => sum + size, 0);
  // a text takes twice its bytes, and its parsed form as much again
  return baseBytes + panelBytes + (models + 1) * chunksEach * chunkBytes + 4 * whole;
}
