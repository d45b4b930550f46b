// The activations as transformers defines them, in double precision. The operators have a table of
// their own; this one is separate so that a mistake in either shows.

import { ToolkitError } from '../base/errors.ts';

const tanhForm = (x: number, inner: number): number => 0.5 * x * (1 + Math.tanh(inner));

const geluExact = (x: number): number => 0.5 * x * erfc(-x / Math.SQRT2);

const geluTanh = (x: number): number =>
  tanhForm(x, Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

const silu = (x: number): number => x * logistic(x);

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

const table: ReadonlyMap<string, (x: number) => number> = new Map([
  ['gelu', geluExact],
  ['gelu_new', geluTanh],
  ['gelu_pytorch_tanh', geluTanh],
  ['gelu_fast', (x) => tanhForm(x, x * 0.7978845608 * (1 + 0.044715 * x * x))],
  ['gelu_10', (x) => clamp(geluExact(x), -10, 10)],
  ['quick_gelu', (x) => x * logistic(1.702 * x)],
  ['relu', (x) => Math.max(x, 0)],
  ['relu2', (x) => Math.max(x, 0) ** 2],
  ['relu6', (x) => clamp(x, 0, 6)],
  ['leaky_relu', (x) => (x < 0 ? 0.01 * x : x)],
  ['silu', silu],
  ['swish', silu],
  // softplus is x itself where exp would overflow
  ['mish', (x) => x * Math.tanh(x > 20 ? x : Math.log1p(Math.exp(x)))],
  ['sigmoid', logistic],
  ['tanh', (x) => Math.tanh(x)],
  ['elu', (x) => (x < 0 ? Math.expm1(x) : x)],
  ['linear', (x) => x],
]);

/** The function of a name. */
export function oracleActivation(name: string): (x: number) => number {
  const found = table.get(name);
  if (found !== undefined) return found;
  throw new ToolkitError('UNSUPPORTED_CONFIG', 'the activation is not known', { where: { name } });
}

/** 1 - erf(x), to a few units in the last place of a double. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < 0) return 2 - erfc(-x);
  if (x > 27) return 0;
  return x < 2.5 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf(x) = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)): all terms positive, nothing cancels. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) = e^(-x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/…))), from the inside out. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = 60; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}
