// What one model says of a text, against the base model where it is another: sums over positions,
// in double precision, so that no logits need be kept.

import { bestTwo, divergence, logSoftmax } from './metrics.ts';

/** What a model says at one position. */
export interface Prediction {
  /** Logarithms of the probabilities. */
  readonly logs: Float64Array; // [vocabulary]
  /** The likeliest token. */
  readonly best: number;
}

export function predictionOf(logits: Float32Array): Prediction {
  return { logs: logSoftmax(logits), best: bestTwo(logits)[0] };
}

/** Mean divergence over positions `from` up to `to`, `to` itself left out. */
export interface PositionBin {
  readonly from: number;
  readonly to: number;
  readonly kl: number;
}

/** How far a model is from the base model. */
export interface Distance {
  /** KL divergence from the base model's distribution: mean, and largest of a position. */
  readonly kl: number;
  readonly klMax: number;
  /** Part of the positions where the likeliest token is the base model's. */
  readonly top1: number;
  readonly klByPosition: readonly PositionBin[];
}

/** Bins of a window at most. */
const maxBins = 16;

/** Sums of one model over windows of one length. */
export class Tally {
  readonly #klAt: Float64Array; // [window]
  readonly #countAt: Uint32Array; // [window]
  #klMax = 0;
  #agreed = 0;
  #nll = 0;
  #predicted = 0;

  constructor(window: number) {
    this.#klAt = new Float64Array(window);
    this.#countAt = new Uint32Array(window);
  }

  /** Counts how likely the token was that followed. */
  addNext({ logs }: Prediction, next: number): void {
    this.#nll -= logs[next] ?? Number.NEGATIVE_INFINITY;
    this.#predicted++;
  }

  /** Counts how far a prediction is from the base model's at a position of a window. */
  addDistance(base: Prediction, { logs, best }: Prediction, position: number): void {
    const kl = divergence(base.logs, logs);
    this.#klAt[position] = (this.#klAt[position] ?? 0) + kl;
    this.#countAt[position] = (this.#countAt[position] ?? 0) + 1;
    this.#klMax = Math.max(this.#klMax, kl);
    if (best === base.best) this.#agreed++;
  }

  get perplexity(): number {
    return Math.exp(this.#nll / this.#predicted);
  }

  get distance(): Distance {
    const window = this.#klAt.length;
    const positions = sum(this.#countAt);
    const width = Math.ceil(window / maxBins);
    const bins = Array.from({ length: Math.ceil(window / width) }, (_, bin): PositionBin => {
      const [from, to] = [bin * width, Math.min((bin + 1) * width, window)];
      const count = sum(this.#countAt.subarray(from, to));
      return { from, to, kl: sum(this.#klAt.subarray(from, to)) / count };
    });
    return {
      kl: sum(this.#klAt) / positions,
      klMax: this.#klMax,
      top1: this.#agreed / positions,
      klByPosition: bins,
    };
  }
}

function sum(values: Float64Array | Uint32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
