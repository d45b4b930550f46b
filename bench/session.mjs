// A converted model in ONNX Runtime, with inputs made to measure.

import * as ort from 'onnxruntime-node';

/** Room for further tokens in a cache that is written in place. */
const room = 64;

export async function openModel(file) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const caches = session.inputMetadata.filter(({ name }) => name.startsWith('past_key_values.'));
  return {
    version: ort.env.versions.node,
    /** Runs `tokens` new tokens behind `past` others; the cache's values do not matter. */
    step: (tokens, past) => {
      const shared = new Float32Array(lengthOf(caches[0], past)).fill(0.01);
      const cache = caches.map(({ name, shape }) => [name, tensorOf(shared, shape, past)]);
      const feeds = { ...inputs(tokens, past), ...Object.fromEntries(cache) };
      return async () => {
        const outputs = await session.run(feeds);
        for (const output of Object.values(outputs)) output.dispose();
      };
    },
    /** Runs one token behind `past` others; the cache comes back in the memory it went in. */
    inPlaceStep: (past) => {
      const capacity = past + room;
      const tensors = caches.map(({ name, shape }) => {
        const data = new Float32Array(lengthOf({ shape }, capacity)).fill(0.01);
        return [name, tensorOf(data, shape, capacity)];
      });
      const feeds = { ...inputs(1, past), ...Object.fromEntries(tensors) };
      const present = tensors.map(([name, tensor]) => [
        name.replace('past_key_values', 'present'),
        tensor,
      ]);
      const fetches = { logits: null, ...Object.fromEntries(present) };
      return async () => void (await session.run(feeds, fetches));
    },
    /** Bytes of the cache of so many tokens. */
    cacheBytes: (tokens) =>
      caches.reduce((sum, { shape }) => sum + 4 * lengthOf({ shape }, tokens), 0),
    close: () => session.release(),
  };
}

function inputs(tokens, past) {
  return {
    input_ids: integers(tokens, (i) => (i * 7919) % 50_000),
    attention_mask: integers(past + tokens, () => 1),
    num_logits_to_keep: new ort.Tensor('int64', [1n], []),
  };
}

function integers(length, valueAt) {
  const data = BigInt64Array.from({ length }, (_, i) => BigInt(valueAt(i)));
  return new ort.Tensor('int64', data, [1, length]);
}

/** Numbers in a cache [1, heads, tokens, headDim]. */
function lengthOf({ shape: [, heads, , headDim] }, tokens) {
  return heads * tokens * headDim;
}

function tensorOf(data, [, heads, , headDim], tokens) {
  return new ort.Tensor('float32', data, [1, heads, tokens, headDim]);
}
