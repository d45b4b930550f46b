// A page with transformers.js in it. Its functions are what a test asks of it.

import { AutoModelForCausalLM, env, Tensor } from '@huggingface/transformers';

/** Rows of one length. */
export interface Prompt {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
}

export interface Options {
  readonly device: 'wasm' | 'webgpu';
  readonly dtype?: 'fp32' | 'q4f16';
}

export interface TransformersJs {
  /** The rows with their greedy continuations, up to so many tokens. */
  generate(
    id: string,
    options: Options,
    prompt: Prompt,
    length: number,
  ): Promise<readonly (readonly number[])[]>;
  /** Logits behind prompts of one row. */
  logits(
    id: string,
    options: Options,
    prompts: readonly (readonly number[])[],
  ): Promise<readonly (readonly number[])[]>;
}

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = '/models/';
// one thread: a page has more only where its server isolates it from other origins
Object.assign(env.backends.onnx.wasm ?? {}, { wasmPaths: '/transformers-js/', numThreads: 1 });

const int64 = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

const functions: TransformersJs = {
  async generate(id, options, { ids, mask }, length) {
    const model = await AutoModelForCausalLM.from_pretrained(id, options);
    const generated = (await model.generate({
      inputs: int64(ids),
      attention_mask: int64(mask),
      max_length: length,
      eos_token_id: -1, // goldens were recorded without a token that ends a text
      do_sample: false,
    } as Parameters<typeof model.generate>[0])) as Tensor;
    await model.dispose();
    return (generated.tolist() as bigint[][]).map((row) => row.map(Number));
  },

  async logits(id, options, prompts) {
    const model = await AutoModelForCausalLM.from_pretrained(id, options);
    const found: number[][] = [];
    for (const ids of prompts) {
      const mask = ids.map(() => 1);
      const { logits } = await model({ input_ids: int64([ids]), attention_mask: int64([mask]) });
      found.push((logits.tolist() as number[][][])[0]?.at(-1) ?? []);
    }
    await model.dispose();
    return found;
  },
};

Object.assign(globalThis, functions);
