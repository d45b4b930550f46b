// A decoder run as onnxruntime-genai runs one: rows padded on the right, all logits of a prompt, the
// last real one taken; the cache in one buffer of the whole length where the config says so.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readGenaiConfig, type GenaiConfig } from './genai-config-reader.ts';
import { must } from './must.ts';

type Tensors = Record<string, Tensor>;

/** Where the tokens of a step stand: in each row as many, padding included. */
interface Step {
  readonly rows: readonly (readonly number[])[];
  /** Tokens of a row that was fed so far, this step's included. */
  readonly total: number;
}

/** Continues prompts greedily, whatever token ends a text; returns the new ids of each row. */
export async function generateAsGenai(
  folder: string,
  prompts: readonly (readonly number[])[],
  newTokens: number,
): Promise<readonly (readonly number[])[]> {
  const config = readGenaiConfig(readFileSync(join(folder, 'genai_config.json'), 'utf8'));
  const { model, search } = config;
  const session = await InferenceSession.create(join(folder, model.decoder.filename));
  const longest = Math.max(...prompts.map(({ length }) => length));
  const maxLength = longest + newTokens;
  if (maxLength > search.max_length) throw new Error('longer than max_length');
  const pad = model.pad_token_id;
  const padded = prompts.map((ids) => [...ids, ...Array<number>(longest - ids.length).fill(pad)]);
  const masks = padded.map((ids) => ids.map((id) => (id === pad ? 0n : 1n)));

  const shared = search.past_present_share_buffer;
  let past = cacheOf(session, config, prompts.length, shared ? maxLength : 0);
  let step: Step = { rows: padded, total: longest };
  const written: number[][] = prompts.map(() => []);
  for (let count = 0; count < newTokens; count++) {
    const present = shared ? past : cacheOf(session, config, prompts.length, step.total);
    const logits = await run(session, config, { step, masks, past, present });
    const width = must(step.rows[0], 'row').length;
    const next = step.rows.map((ids, row) => {
      const last = ids.findLastIndex((id) => id !== pad);
      const from = (row * width + Math.max(last, 0)) * model.vocab_size;
      return largest(logits.subarray(from, from + model.vocab_size));
    });
    next.forEach((id, row) => must(written[row], 'row').push(id));
    masks.forEach((mask) => mask.push(1n));
    step = { rows: next.map((id) => [id]), total: step.total + 1 };
    past = present;
  }
  await session.release();
  return written;
}

interface Run {
  readonly step: Step;
  readonly masks: readonly (readonly bigint[])[];
  readonly past: Tensors;
  readonly present: Tensors;
}

/** The logits of a step; the cache is written into `present`. */
async function run(
  session: InferenceSession,
  { model: { decoder, vocab_size: vocabSize } }: GenaiConfig,
  { step, masks, past, present }: Run,
): Promise<Float32Array> {
  const { inputs, outputs } = decoder;
  const ids = BigInt64Array.from(step.rows.flat(), BigInt);
  const shape = [step.rows.length, ids.length / step.rows.length];
  const logits = new Float32Array(ids.length * vocabSize);
  const named = (tensors: Tensors, keys: string, values: string): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([place, tensor]) => {
        const [layer = '', part = ''] = place.split('.');
        return [(part === 'key' ? keys : values).replace('%d', layer), tensor];
      }),
    );
  const feeds: Tensors = {
    [must(inputs['input_ids'], 'name')]: new Tensor('int64', ids, shape),
    [must(inputs['attention_mask'], 'name')]: new Tensor(
      'int64',
      BigInt64Array.from(masks.flat()),
      [step.rows.length, step.total],
    ),
    ...(session.inputNames.includes('num_logits_to_keep') && {
      num_logits_to_keep: new Tensor('int64', [0n], [1]),
    }),
    ...named(
      past,
      must(inputs['past_key_names'], 'name'),
      must(inputs['past_value_names'], 'name'),
    ),
  };
  await session.run(feeds, {
    [must(outputs['logits'], 'name')]: new Tensor('float32', logits, [...shape, vocabSize]),
    ...named(
      present,
      must(outputs['present_key_names'], 'name'),
      must(outputs['present_value_names'], 'name'),
    ),
  });
  return logits;
}

/** A cache of zeros by layer and part, of the dtype that the session's first one has. */
function cacheOf(
  session: InferenceSession,
  { model: { decoder } }: GenaiConfig,
  rows: number,
  length: number,
): Tensors {
  const first = must(decoder.inputs['past_key_names'], 'name').replace('%d', '0');
  const meta = must(
    session.inputMetadata.find(({ name }) => name === first),
    first,
  );
  const shape = [rows, decoder.num_key_value_heads, length, decoder.head_size];
  const size = shape.reduce((product, n) => product * n, 1);
  const half = meta.isTensor && meta.type === 'float16';
  const layers = Array.from({ length: decoder.num_hidden_layers }, (_, layer) => layer);
  return Object.fromEntries(
    layers
      .flatMap((layer) => [`${layer}.key`, `${layer}.value`])
      .map((place) => [
        place,
        half
          ? new Tensor('float16', new Uint16Array(size), shape)
          : new Tensor('float32', new Float32Array(size), shape),
      ]),
  );
}

function largest(row: Float32Array): number {
  return row.reduce((best, value, id) => (value > must(row[best], 'logit') ? id : best), 0);
}
