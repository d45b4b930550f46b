// GeGLU: the first half of every row, activated, times the second half.

import { activationOf } from '../../ops/activations.ts';

export interface Gate {
  readonly wide: Float32Array; // [rows, 2 · width]
  readonly width: number;
  /** As configs name it. */
  readonly activation: string;
  readonly out: Float32Array; // [rows, width]
}

/** Fills rows `from` to `to`. */
export function gateRows({ wide, width, activation, out }: Gate, from: number, to: number): void {
  const { apply } = activationOf(activation);
  for (let row = from; row < to; row++) {
    const [at, first] = [row * width, 2 * row * width];
    for (let i = 0; i < width; i++) {
      out[at + i] = apply(wide[first + i] ?? 0) * (wide[first + width + i] ?? 0);
    }
  }
}
