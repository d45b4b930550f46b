import { expect, test } from 'vitest';
import { roundInputs } from './round-inputs.ts';

test('each block of a row has a scale of its own, also the short one at its end', () => {
  const rows = Float32Array.of(1, -0.5, 127, 30.4, 0.01, 1000, 0, 0, 0, 0);
  const rounded = roundInputs(rows, 5, 4, new Float32Array(10));
  const wanted = [1, -0, 127, 30, 0.01, 1000, 0, 0, 0, 0];
  for (const [i, value] of wanted.entries()) expect(rounded[i]).toBeCloseTo(value, 5);
});
