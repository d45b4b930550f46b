// What ONNX Runtime's CPU kernels do with a product's inputs at accuracy level 4: blocks of a row
// become whole numbers of 8 bits with a scale of their own.

/** Puts the rows, as they come back from 8 bits, into `out`. */
export function roundInputs(
  x: Float32Array,
  width: number,
  blockSize: number,
  out: Float32Array,
): Float32Array {
  for (let row = 0; row < x.length; row += width) {
    for (let from = row; from < row + width; from += blockSize) {
      const to = Math.min(from + blockSize, row + width);
      let largest = 0;
      for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(x[i] ?? 0));
      const scale = largest / 127;
      const inverse = largest === 0 ? 0 : 127 / largest;
      for (let i = from; i < to; i++) out[i] = Math.round((x[i] ?? 0) * inverse) * scale;
    }
  }
  return out;
}
