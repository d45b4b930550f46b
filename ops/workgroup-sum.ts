// A sum over the threads of a workgroup, which every thread gets: with subgroups in two steps,
// without them as a tree in workgroup memory.

import type { GpuLimits } from '../src/wgsl.ts';

export interface WorkgroupSum {
  /** Extensions to enable. */
  readonly features: readonly string[];
  /** WGSL of `workgroup_sum(value: f32, thread: u32) -> f32`, called in uniform control flow. */
  readonly functions: string;
}

export function workgroupSum(threads: number, { subgroups }: GpuLimits): WorkgroupSum {
  return subgroups ? bySubgroups(threads) : byTree(threads);
}

// Subgroups divide the threads of a workgroup in order; their size is the device's to say, and at
// least 4.
function bySubgroups(threads: number): WorkgroupSum {
  const functions = `
var<workgroup> sum_parts: array<f32, ${threads / leastSubgroup}>;

fn workgroup_sum(value: f32, thread: u32) -> f32 {
  let part = subgroupAdd(value);
  let size = subgroupAdd(1u);
  if (subgroupElect()) { sum_parts[thread / size] = part; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < ${threads}u / size; i++) { total += sum_parts[i]; }
  workgroupBarrier();
  return total;
}`;
  return { features: ['subgroups'], functions };
}

const leastSubgroup = 4;

function byTree(threads: number): WorkgroupSum {
  const functions = `
var<workgroup> sum_parts: array<f32, ${threads}>;

fn workgroup_sum(value: f32, thread: u32) -> f32 {
  sum_parts[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { sum_parts[thread] += sum_parts[thread + half]; }
    workgroupBarrier();
  }
  let total = sum_parts[0];
  workgroupBarrier();
  return total;
}`;
  return { features: [], functions };
}
