// Checkpoints of the published Ettin decoders' shapes, with random weights.

import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** hidden, intermediate, layers, heads. */
export const shapes = {
  '17m': [256, 384, 7, 4],
  '32m': [384, 576, 10, 6],
  '68m': [512, 768, 19, 8],
  '150m': [768, 1152, 22, 12],
  '400m': [1024, 2624, 28, 16],
  '1b': [1792, 3840, 28, 28],
};

const vocabulary = 50_368;

/** Makes the checkpoint in `folder` unless it is there, of fewer layers if asked; returns the folder. */
export async function makeCheckpoint(size, folder, layers = shapes[size][2]) {
  if (existsSync(join(folder, 'model.safetensors'))) return folder;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const [hidden, intermediate, , heads] = shapes[size];
  const config = configOf({ hidden, intermediate, layers, heads });
  await writeFile(join(partial, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeWeights(join(partial, 'model.safetensors'), tensorsOf(hidden, intermediate, layers));
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  return folder;
}

function configOf({ hidden, intermediate, layers, heads }) {
  return {
    architectures: ['ModernBertDecoderForCausalLM'],
    model_type: 'modernbert-decoder',
    vocab_size: vocabulary,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: 7999,
    local_attention: 128,
    global_attn_every_n_layers: 3,
    global_rope_theta: 160_000,
    local_rope_theta: 160_000,
    pad_token_id: 50_283,
    tie_word_embeddings: true,
  };
}

/** Names and shapes as transformers saves them, in the order of the names. */
function tensorsOf(hidden, intermediate, layers) {
  const square = [hidden, hidden];
  const layer = (l) => [
    ...['Wo', 'k_proj', 'q_proj', 'v_proj'].map((part) => [`attn.${part}`, square]),
    ...(l > 0 ? [['attn_norm', [hidden]]] : []),
    ['mlp.Wi', [2 * intermediate, hidden]],
    ['mlp.Wo', [hidden, intermediate]],
    ['mlp_norm', [hidden]],
  ];
  const all = [
    ['decoder.bias', [vocabulary]],
    ['lm_head.dense.weight', square],
    ['lm_head.norm.weight', [hidden]],
    ['model.embeddings.norm.weight', [hidden]],
    ['model.embeddings.tok_embeddings.weight', [vocabulary, hidden]],
    ['model.final_norm.weight', [hidden]],
    ...Array.from({ length: layers }, (_, l) =>
      layer(l).map(([name, shape]) => [`model.layers.${l}.${name}.weight`, shape]),
    ).flat(),
  ];
  return all.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

async function writeWeights(path, tensors) {
  const header = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, shape] of tensors) {
    const start = end;
    end += 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));

  const file = await open(path, 'w');
  await file.write(Buffer.concat([length, json]));
  const noise = normals(2 ** 20);
  for (const [name, shape] of tensors) {
    const count = shape.reduce((a, b) => a * b);
    const norm = shape.length === 1 && name.endsWith('norm.weight');
    for (let done = 0; done < count; done += noise.length) {
      const part = noise.subarray(0, Math.min(noise.length, count - done));
      // Scales are near one; the rest is small, so that activations stay of the usual size.
      await file.write(norm ? part.map((x) => 1 + x) : part);
    }
  }
  await file.close();
}

/** Normal noise of deviation 0.02 from a fixed seed. */
function normals(count) {
  let state = 0x9e3779b9;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
