// The error function in double precision; JavaScript has none.
//
// Near zero a series of positive terms, farther out a continued fraction of the complement: neither
// cancels, and the absolute error stays below 1e-15.

const border = 2;
const fractionTerms = 64; // enough for full precision at the border; fewer would do farther out

export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude < 6)) return Math.sign(x); // the complement is below 1e-16
  return Math.sign(x) * (magnitude < border ? series(magnitude) : 1 - complement(magnitude));
}

// erf(x) = 2 / sqrt(pi) * exp(-x²) * sum of x (2x²)^n / (1 · 3 · 5 ⋯ (2n + 1))
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (2 * x * x) / odd;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

// erfc(x) = exp(-x²) / sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + …))))
function complement(x: number): number {
  let tail = x;
  for (let n = fractionTerms; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}
