// Adding up what the threads of a workgroup left in its memory.

/**
 * WGSL: adds `at(i)` for all i below `count`, a power of two, to `sum`: four at a time, so that one
 * addition does not wait for all that came before.
 */
export function sumOf(sum: string, count: number, at: (i: string) => string): string {
  if (count < 4) {
    return Array.from({ length: count }, (_, i) => `${sum} += ${at(`${i}u`)};`).join('\n    ');
  }
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => at(`i + ${i}u`));
  return `for (var i = 0u; i < ${count}u; i += 4u) {
      ${sum} += (${a} + ${b}) + (${c} + ${d});
    }`;
}
