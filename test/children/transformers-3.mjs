// Continues prompts in transformers.js 3, whose onnxruntime-node does not go together in one process
// with a newer one.
//
//     node transformers-3.mjs <folder of models> <model> <dtype> < prompts.json

import { text } from 'node:stream/consumers';
import { AutoModelForCausalLM, env, Tensor } from 'transformers-3';

const [folder, id, dtype] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = folder;

const int64 = (rows) =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);

const model = await AutoModelForCausalLM.from_pretrained(id, { device: 'cpu', dtype });
const continuations = [];
for (const { ids, mask, length } of JSON.parse(await text(process.stdin))) {
  const generated = await model.generate({
    inputs: int64(ids),
    attention_mask: int64(mask),
    max_length: length,
    eos_token_id: -1, // goldens were recorded without a token that ends a text
    do_sample: false,
  });
  continuations.push(generated.tolist().map((row) => row.map(Number)));
}
console.log(JSON.stringify({ version: env.version, continuations }));
