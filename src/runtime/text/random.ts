// Random numbers that a seed decides: sfc32 by Chris Doty-Humphrey, 128 bits of state, which passes
// PractRand, seeded through the mixing function of SplitMix32. The same on every machine.

/** Numbers in [0, 1) with 53 random bits. */
export type Random = () => number;

/** The numbers of one stream; streams of one seed have nothing to do with each other. */
export function randomStream(seed: number, stream: number): Random {
  let [a, b, c] = [mix(seed >>> 0), mix(Math.floor(seed / 2 ** 32) ^ 0x9e3779b9), mix(~stream)];
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  // seeds that differ in one bit have parted after twelve rounds
  for (let round = 0; round < 12; round++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) * 2 ** -53;
}

function mix(bits: number): number {
  let mixed = (bits + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) | 0;
}
