// Keys and values of a batch in host memory, as a runner gives and takes them. A row's tokens stand
// in the first slots whatever its padding, so rows and slots that nobody needs are cut off.

import type { Cache } from '../../base/model.ts';
import type { Tensor } from '../../base/tensors.ts';

/** Some rows of a cache, and their first slots. */
export function cutCache(cache: Cache, rows: readonly number[], slots: number): Cache {
  return new Map([...cache].map(([name, tensor]) => [name, cutTensor(tensor, rows, slots)]));
}

function cutTensor({ dtype, shape, data }: Tensor, rows: readonly number[], slots: number): Tensor {
  const [, heads = 0, before = 0, headDim = 0] = shape; // [batch, heads, slots, headDim]
  const length = slots * headDim;
  const kept = likeOf(data, rows.length * heads * length);
  let at = 0;
  for (const row of rows) {
    for (let head = 0; head < heads; head++) {
      const start = (row * heads + head) * before * headDim;
      kept.set(data.subarray(start, start + length) as never, at);
      at += length;
    }
  }
  return { dtype, shape: [rows.length, heads, slots, headDim], data: kept };
}

function likeOf(data: Tensor['data'], length: number): Float32Array | Uint16Array {
  return data instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
}
