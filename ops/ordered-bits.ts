// Logits compared as integers: exact, whatever a driver makes of infinities, zeros and NaN.

/**
 * WGSL of `ordered(bits: u32) -> u32`, which grows as the f32 of these bits does: both zeros are one
 * number, NaN is below all.
 */
export const ordered: string = `
fn ordered(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0u; }
  if (magnitude == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits != magnitude);
}`;

/** Threads that share one row of logits: every WebGPU device has as many. */
export const rowThreads = 256;
