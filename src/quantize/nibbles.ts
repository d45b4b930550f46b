// Two codes of four bits in a byte, the first in the low half: the order of every runtime.

/** Codes in runs of `length`, each run filled up to a whole byte. */
export function packNibbles(codes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const bytes = Math.ceil(length / 2);
  const runs = codes.length / length;
  const packed = new Uint8Array(runs * bytes);
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < length; i += 2) {
      const at = run * length + i;
      const high = i + 1 < length ? (codes[at + 1] ?? 0) : 0;
      packed[run * bytes + i / 2] = (codes[at] ?? 0) | (high << 4);
    }
  }
  return packed;
}

/** The first `count` codes of one run, one a byte. */
export function unpackNibbles(packed: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i++) codes[i] = ((packed[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
  return codes;
}
