// A converted model in ONNX Runtime, with inputs made to measure.

import * as ort from 'onnxruntime-node';

export async function openModel(file) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const caches = session.inputMetadata.filter(({ name }) => name.startsWith('past_key_values.'));
  return {
    version: ort.env.versions.node,
    /** Inputs of `tokens` new tokens behind `past` others; the cache's values do not matter. */
    feeds: (tokens, past) => ({
      input_ids: integers(tokens, (i) => (i * 7919) % 50_000),
      attention_mask: integers(past + tokens, () => 1),
      num_logits_to_keep: new ort.Tensor('int64', [1n], []),
      ...Object.fromEntries(caches.map(({ name, shape }) => [name, cache(shape, past)])),
    }),
    run: async (feeds) => {
      const outputs = await session.run(feeds);
      for (const output of Object.values(outputs)) output.dispose();
    },
    close: () => session.release(),
  };
}

function integers(length, valueAt) {
  const data = BigInt64Array.from({ length }, (_, i) => BigInt(valueAt(i)));
  return new ort.Tensor('int64', data, [1, length]);
}

const memory = new Map();

/** [1, heads, past, headDim]; caches of one size share their memory. */
function cache([, heads, , headDim], past) {
  const length = heads * past * headDim;
  if (!memory.has(length)) memory.set(length, new Float32Array(length).fill(0.01));
  return new ort.Tensor('float32', memory.get(length), [1, heads, past, headDim]);
}
