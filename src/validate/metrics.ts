// How far a runtime's outputs are from a golden's, counted over real tokens only and in double
// precision. A comparison takes one position after the other, so that long prompts need no memory.

export interface Top1 {
  /** Positions whose first choice is the golden's. */
  readonly agreed: number;
  /** Positions that are no near ties. */
  readonly decided: number;
  /** Positions whose two best logits lie closer than the margin: either may come first. */
  readonly nearTies: number;
}

export interface Perplexity {
  readonly expected: number;
  readonly actual: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

export interface Metrics {
  /** Positions compared. */
  readonly positions: number;
  readonly maxDifference: number;
  readonly meanDifference: number;
  /** Largest absolute value of the golden's prompt, or the floor. */
  readonly scale: number;
  /** Where the largest difference is. */
  readonly worst: { readonly row: number; readonly position: number; readonly index: number };
  /** KL divergence from the golden's distribution to the runtime's; outputs that are logits. */
  readonly kl?: { readonly mean: number; readonly max: number };
  readonly top1?: Top1;
  /** Where the next tokens are known. */
  readonly perplexity?: Perplexity;
}

export interface ComparisonOptions {
  readonly scale: number;
  /** Whether outputs are logits: distributions to compare. */
  readonly logits: boolean;
  /** A near tie is closer than this many mean differences. */
  readonly nearTieFactor: number;
}

/** Where a position stands, and the token that follows where there is one. */
export interface PositionInfo {
  readonly row: number;
  readonly position: number;
  readonly next?: number | undefined;
}

interface Choice {
  readonly agrees: boolean;
  /** By how much the golden prefers its first choice to its second. */
  readonly gap: number;
}

/** Collects positions, and gives their metrics. */
export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #choices: Choice[] = [];
  #worst = { row: 0, position: 0, index: 0 };
  #max = 0;
  #sum = 0;
  #elements = 0;
  #positions = 0;
  #klSum = 0;
  #klMax = 0;
  #nll = { expected: 0, actual: 0, tokens: 0 };

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** Compares one position's outputs. */
  add(expected: Float32Array, actual: Float32Array, at: PositionInfo): void {
    this.#positions++;
    this.#elements += expected.length;
    this.#differ(expected, actual, at);
    if (this.#options.logits) this.#distribute(expected, actual, at.next);
  }

  get metrics(): Metrics {
    const { scale, logits } = this.#options;
    const { expected, actual, tokens } = this.#nll;
    return {
      positions: this.#positions,
      maxDifference: this.#max,
      meanDifference: this.#elements === 0 ? 0 : this.#sum / this.#elements,
      scale,
      worst: this.#worst,
      ...(logits && {
        kl: { mean: this.#klSum / Math.max(this.#positions, 1), max: this.#klMax },
        top1: this.#top1(),
      }),
      ...(tokens > 0 && {
        perplexity: {
          expected: Math.exp(expected / tokens),
          actual: Math.exp(actual / tokens),
          tokens,
        },
      }),
    };
  }

  #differ(expected: Float32Array, actual: Float32Array, { row, position }: PositionInfo): void {
    for (const [index, value] of expected.entries()) {
      // not a number counts as infinitely far: it must not slip through a comparison
      const off = Math.abs((actual[index] ?? Number.NaN) - value);
      const difference = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
      this.#sum += difference;
      if (difference > this.#max) {
        this.#max = difference;
        this.#worst = { row, position, index };
      }
    }
  }

  #distribute(expected: Float32Array, actual: Float32Array, next: number | undefined): void {
    const p = logSoftmax(expected);
    const q = logSoftmax(actual);
    const kl = divergence(p, q);
    this.#klSum += kl;
    this.#klMax = Math.max(this.#klMax, kl);
    const [best, second] = bestTwo(expected);
    this.#choices.push({
      agrees: bestTwo(actual)[0] === best,
      gap: (expected[best] ?? 0) - (expected[second] ?? Number.NEGATIVE_INFINITY),
    });
    if (next === undefined) return;
    this.#nll.expected -= p[next] ?? Number.NEGATIVE_INFINITY;
    this.#nll.actual -= q[next] ?? Number.NEGATIVE_INFINITY;
    this.#nll.tokens++;
  }

  // The margin is of the mean difference: a choice can only flip when its gap is below twice the
  // position's own largest difference, so a margin of the largest would excuse every flip.
  #top1(): Top1 {
    const margin = (this.#options.nearTieFactor * this.#sum) / Math.max(this.#elements, 1);
    const decided = this.#choices.filter(({ agrees, gap }) =>
      Number.isFinite(margin) ? gap >= margin : !agrees,
    );
    return {
      agreed: decided.filter(({ agrees }) => agrees).length,
      decided: decided.length,
      nearTies: this.#choices.length - decided.length,
    };
  }
}

/** Logarithms of the softmax, in double precision; not a number where an input is none. */
export function logSoftmax(logits: Float32Array): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of logits) if (!(value <= max)) max = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - max);
  const log = Math.log(sum) + max;
  // a plain loop: a callback takes four times as long, and vocabularies are large
  const logs = new Float64Array(logits.length);
  for (let i = 0; i < logs.length; i++) logs[i] = (logits[i] ?? Number.NaN) - log;
  return logs;
}

/** KL divergence of two distributions given by their logarithms; never below 0. */
export function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const log = p[i] ?? Number.NaN;
    const weight = Math.exp(log);
    if (weight > 0) sum += weight * (log - (q[i] ?? Number.NaN));
  }
  return Number.isNaN(sum) ? Number.POSITIVE_INFINITY : Math.max(sum, 0);
}

/** Indices of the largest and second largest value; -1 where there is none. The first of equals. */
export function bestTwo(values: Float32Array): readonly [best: number, second: number] {
  let best = -1;
  let second = -1;
  let first = Number.NEGATIVE_INFINITY;
  let next = Number.NEGATIVE_INFINITY;
  for (const [i, value] of values.entries()) {
    if (value > first) {
      [second, next] = [best, first];
      [best, first] = [i, value];
    } else if (value > next) [second, next] = [i, value];
  }
  return [best, second];
}

/** The largest absolute value of vectors, at least `floor`. */
export function scaleOf(vectors: Iterable<Float32Array>, floor: number): number {
  let scale = floor;
  for (const vector of vectors)
    for (const value of vector) scale = Math.max(scale, Math.abs(value));
  return scale;
}
