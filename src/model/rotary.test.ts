import { describe, expect, test } from 'vitest';
import { rotaryRows } from './rotary.ts';

describe.each([
  [10_000, 8],
  [160_000, 32],
])('the table of theta %i and %i pairs', (theta, half) => {
  const positions = 700;

  test.each(['cos', 'sin'] as const)('holds the %s of float64 to what float32 can say', (fn) => {
    const rows = rotaryRows(fn, theta, half, { from: 0, to: positions });
    expect(rows).toHaveLength(positions * half);
    let worst = 0;
    for (const [index, value] of rows.entries()) {
      const [position, pair] = [Math.floor(index / half), index % half];
      const angle = position * theta ** (-pair / half);
      // frequencies and angles are rounded on the way: a few units in the last place of the angle
      const allowed = angle * 2 ** -22 + 2 ** -24;
      worst = Math.max(worst, Math.abs(value - Math[fn](angle)) / allowed);
    }
    expect(worst).toBeLessThanOrEqual(1);
    expect(worst).toBeGreaterThan(0.05); // or the bound would be no bound
  });

  test('begins with no turn', () => {
    const first = { from: 0, to: 1 };
    expect(rotaryRows('cos', theta, half, first)).toEqual(new Float32Array(half).fill(1));
    expect(rotaryRows('sin', theta, half, first)).toEqual(new Float32Array(half));
  });

  test('is the same in parts', () => {
    const whole = rotaryRows('sin', theta, half, { from: 0, to: positions });
    const part = rotaryRows('sin', theta, half, { from: 300, to: 450 });
    expect(part).toEqual(whole.slice(300 * half, 450 * half));
  });
});

// As torch 2.13 computes them by the formula of transformers 5.18.
test('angles are rounded as PyTorch rounds them', () => {
  const at = (fn: 'cos' | 'sin', theta: number): readonly number[] => [
    ...rotaryRows(fn, theta, 4, { from: 511, to: 512 }),
  ];
  const close = (values: readonly number[]): readonly unknown[] =>
    values.map((value) => expect.closeTo(value, 7));
  expect(at('cos', 10_000)).toEqual(
    close([-0.47167888283729553, 0.6715335249900818, 0.3872165083885193, 0.8722558617591858]),
  );
  expect(at('sin', 160_000)).toEqual(
    close([0.8817703723907471, 0.405256986618042, 0.9572960734367371, 0.06383157521486282]),
  );
});
