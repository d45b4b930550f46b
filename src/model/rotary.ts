// Rotary tables as PyTorch computes them: every step rounded to float32.

/** Rows `from` to `to` of cos or sin of position · theta^(-2i/d), [positions, d/2]. */
export function rotaryRows(
  fn: 'cos' | 'sin',
  theta: number,
  half: number,
  { from, to }: { readonly from: number; readonly to: number },
): Float32Array {
  const frequencies = Float32Array.from({ length: half }, (_, i) => {
    const exponent = Math.fround((2 * i) / (2 * half));
    return 1 / Math.fround(theta ** exponent);
  });
  const rows = new Float32Array((to - from) * half);
  for (let position = from; position < to; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      rows[(position - from) * half + i] = Math[fn](Math.fround(position * frequency));
    }
  }
  return rows;
}
