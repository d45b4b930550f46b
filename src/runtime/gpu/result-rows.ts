// The rows of a run's outputs as numbers on the host.

import { halfTable } from '../../base/half.ts';
import type { Engine, Results } from './engine.ts';

/** Records reading all rows; each is given with the input and token that it is an output of. */
export function readRows(
  { readBack, plan }: Engine,
  { encoder, buffer, kept, pitch, pieces }: Results,
  onRow: (input: number, token: number, values: Float32Array) => void,
): () => Promise<void> {
  const { width, dtype } = plan.rows.get(plan.output.value) ?? { width: 0, dtype: 'float32' };
  const read = readBack.record(encoder, buffer, kept * pitch);
  return async () => {
    const bytes = await read();
    let row = 0;
    for (const { input, from, keep } of pieces) {
      for (const index of keep) {
        onRow(input, from + index, valuesOf(bytes, row * pitch, width, dtype));
        row++;
      }
    }
  };
}

function valuesOf(
  bytes: ArrayBuffer,
  start: number,
  width: number,
  dtype: 'float32' | 'float16',
): Float32Array {
  if (dtype === 'float32') return new Float32Array(bytes, start, width);
  const halves = halfTable();
  const bits = new Uint16Array(bytes, start, width);
  return Float32Array.from(bits, (half) => halves[half] ?? Number.NaN);
}
