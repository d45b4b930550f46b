// KL divergences from one distribution to others, given by logits that come some of a row at a time:
// of a large vocabulary no row need be held.
//
// With logits a and b, and L the logarithm of a sum of exponentials,
// Σ p (log p - log q) = Σ p (a - b) - L(a) + L(b).

/** Sums over the logits of positions, in double precision. */
export class Divergence {
  /** Of the first distributions: the largest logit, and the sum of exponentials below it. */
  readonly #peaks: Float64Array; // [positions]
  readonly #totals: Float64Array; // [positions]
  readonly #others: readonly Sums[];
  #weights: Float64Array = new Float64Array();

  constructor(positions: number, others: number) {
    const sums = (): Float64Array => new Float64Array(positions);
    const peaks = (): Float64Array => sums().fill(Number.NEGATIVE_INFINITY);
    this.#peaks = peaks();
    this.#totals = sums();
    this.#others = Array.from({ length: others }, () => ({
      products: sums(),
      peaks: peaks(),
      totals: sums(),
    }));
  }

  /** Adds some logits of the positions from `first` on, [positions, count] of each distribution. */
  add(first: number, count: number, logits: Float32Array, others: readonly Float32Array[]): void {
    if (this.#weights.length < count) this.#weights = new Float64Array(count);
    for (let row = 0; row * count < logits.length; row++) {
      const own = logits.subarray(row * count, (row + 1) * count);
      this.#addFirst(first + row, own);
      for (const [index, other] of others.entries()) {
        const sums = this.#others[index];
        if (sums)
          this.#addOther(first + row, sums, own, other.subarray(row * count, (row + 1) * count));
      }
    }
  }

  #addFirst(at: number, logits: Float32Array): void {
    const before = this.#peaks[at] ?? 0;
    const peak = Math.max(before, largestOf(logits));
    if (peak > before) {
      const shrink = Math.exp(before - peak);
      this.#peaks[at] = peak;
      this.#totals[at] = (this.#totals[at] ?? 0) * shrink;
      for (const { products } of this.#others) products[at] = (products[at] ?? 0) * shrink;
    }
    let total = 0;
    for (let i = 0; i < logits.length; i++) {
      const weight = Math.exp((logits[i] ?? 0) - peak);
      this.#weights[i] = weight;
      total += weight;
    }
    this.#totals[at] = (this.#totals[at] ?? 0) + total;
  }

  #addOther(at: number, sums: Sums, logits: Float32Array, others: Float32Array): void {
    const before = sums.peaks[at] ?? 0;
    const peak = Math.max(before, largestOf(others));
    let [product, total] = [0, 0];
    for (let i = 0; i < logits.length; i++) {
      const other = others[i] ?? 0;
      product += (this.#weights[i] ?? 0) * ((logits[i] ?? 0) - other);
      total += Math.exp(other - peak);
    }
    sums.products[at] = (sums.products[at] ?? 0) + product;
    sums.totals[at] = (sums.totals[at] ?? 0) * Math.exp(before - peak) + total;
    sums.peaks[at] = peak;
  }

  /** The divergence at every position, of each of the others; infinite where a logit is no number. */
  get found(): readonly Float64Array[] {
    return this.#others.map(({ products, peaks, totals }) =>
      products.map((product, at) => {
        const own = this.#totals[at] ?? 0;
        const log = (this.#peaks[at] ?? 0) + Math.log(own);
        const kl = product / own - log + (peaks[at] ?? 0) + Math.log(totals[at] ?? 0);
        return Number.isNaN(kl) ? Number.POSITIVE_INFINITY : Math.max(0, kl);
      }),
    );
  }
}

interface Sums {
  /** Σ exp(a - peak) (a - b). */
  readonly products: Float64Array;
  readonly peaks: Float64Array;
  readonly totals: Float64Array;
}

function largestOf(values: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value > largest) largest = value;
  }
  return largest;
}
