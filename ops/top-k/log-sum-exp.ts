// The logarithm of a sum of exponentials over a row, in one reading of it: every thread keeps the
// largest value it met and the sum relative to that, and pairs of those are merged.

import { rowThreads } from '../ordered-bits.ts';

/**
 * WGSL: a pair of (largest, sum) starts as `no_sum`, `add_to_sum` takes four values, and
 * `log_sum_exp`, called in uniform control flow, returns the result of all threads to all. Infinite
 * values count as the largest and smallest finite ones, so no difference of two is NaN.
 */
export const logSumExp: string = `
const extreme = 3.4028234e38;
const no_sum = vec2<f32>(-extreme, 0.0);

var<workgroup> sums: array<vec2<f32>, ${rowThreads}>;

fn add_to_sum(sum: vec2<f32>, values: vec4<f32>) -> vec2<f32> {
  let bounded = clamp(values, vec4(-extreme), vec4(extreme));
  let pair = max(bounded.xy, bounded.zw);
  let largest = max(sum.x, max(pair.x, pair.y));
  return vec2(largest, sum.y * exp(sum.x - largest) + dot(exp(bounded - largest), vec4(1.0)));
}

fn log_sum_exp(sum: vec2<f32>, thread: u32) -> f32 {
  sums[thread] = sum;
  workgroupBarrier();
  for (var half = ${rowThreads / 2}u; half > 0u; half /= 2u) {
    if (thread < half) {
      let a = sums[thread];
      let b = sums[thread + half];
      let largest = max(a.x, b.x);
      sums[thread] = vec2(largest, a.y * exp(a.x - largest) + b.y * exp(b.x - largest));
    }
    workgroupBarrier();
  }
  return sums[0].x + log(sums[0].y);
}`;
