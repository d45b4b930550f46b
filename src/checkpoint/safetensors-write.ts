// Golden files are written with this; weights go to ONNX, as a stream.

import { storedBits, type StoredDType } from '../base/dtypes.ts';
import { sizeOf } from '../base/tensors.ts';

/** A tensor to write; `bytes` are little-endian. */
export interface TensorBytes {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A safetensors file of small tensors, in memory: widest dtype first, then by name. */
export function writeSafetensors(
  tensors: readonly TensorBytes[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const sorted = tensors.toSorted(
    (a, b) => storedBits[b.dtype] - storedBits[a.dtype] || (a.name < b.name ? -1 : 1),
  );
  let end = 0;
  const entries = sorted.map(({ name, dtype, shape, bytes }) => {
    const size = (sizeOf(shape) * storedBits[dtype]) / 8;
    if (bytes.length !== size) {
      throw new RangeError(
        `${name}: ${dtype} [${shape.join(', ')}] is ${size} bytes, got ${bytes.length}`,
      );
    }
    const offsets = [end, (end += size)];
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets })}`;
  });
  if (metadata.size > 0) {
    entries.unshift(`"__metadata__":${JSON.stringify(Object.fromEntries(metadata))}`);
  }
  const header = new TextEncoder().encode(`{${entries.join(',')}}`);
  // spaces up to a multiple of 8, so that the data can be mapped
  const start = 8 + Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(header, 8);
  let at = start;
  for (const { bytes } of sorted) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
