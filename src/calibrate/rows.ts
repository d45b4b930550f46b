// What stands between the products of a layer, on rows of single precision.

/** LayerNorm over rows of `weight.length`. */
export function normRows(
  x: Float32Array,
  { weight, bias, epsilon }: Norm,
  out: Float32Array,
): void {
  const width = weight.length;
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[row + i] ?? 0;
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) {
      const distance = (x[row + i] ?? 0) - mean;
      squares += distance * distance;
    }
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) {
      out[row + i] = ((x[row + i] ?? 0) - mean) * scale * (weight[i] ?? 0) + (bias?.[i] ?? 0);
    }
  }
}

export interface Norm {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly epsilon: number;
}

/** The first half of every row, activated. */
export function activatedRows(
  wide: Float32Array,
  half: number,
  activation: (x: number) => number,
): Float32Array {
  return wide.map((x, at) => (at % (2 * half) < half ? activation(x) : 0));
}

/** Adds a bias to every row. */
export function addBias(x: Float32Array, bias: Float32Array | undefined): void {
  if (bias === undefined) return;
  const width = bias.length;
  for (let row = 0; row < x.length; row += width) {
    for (let i = 0; i < width; i++) x[row + i] = (x[row + i] ?? 0) + (bias[i] ?? 0);
  }
}

/** Adds `y` to `x`. */
export function addTo(x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) + (y[i] ?? 0);
}

/** x [rows, width] as [width, rows]. */
export function transposed(x: Float32Array, width: number, out: Float32Array): void {
  const rows = x.length / width;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) out[i * rows + row] = x[row * width + i] ?? 0;
  }
}
