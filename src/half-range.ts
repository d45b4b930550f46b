// The stage before the passes that finds what half floats cannot hold: the exact model runs over a
// few built-in tokens, and values beyond half of the range stay float32, or end the conversion.
// Keys, values and scores are half in every case, because the cache is.

import type { ModernBertDecoderConfig } from './base/config.ts';
import { ToolkitError } from './base/errors.ts';
import type { SourceFolder } from './base/files.ts';
import { type FloatValue, isHalf, type WeightFormat } from './base/manifest.ts';
import { callingThread } from './calibrate/engine.ts';
import { measureRanges, type Ranges, scoresOf } from './calibrate/ranges.ts';
import type { GptqOptions } from './gptq.ts';
import type { Graph, Node } from './ir/graph.ts';
import type { Source } from './model/source.ts';
import { randomStream } from './runtime/text/random.ts';
import { openTokenizer } from './runtime/text/tokenizer.ts';

export interface HalfRangeOptions extends GptqOptions {
  /** Whether fp16 and q4f16 are checked for values that half cannot hold; they are by default. */
  readonly fp16Check?: boolean;
  /** Refuses a model with such values, where they would stay float32. */
  readonly strictFp16?: boolean;
}

/** Half of the largest half float: other tokens than those measured may go farther. */
const most = 65_504 / 2;

/** Values of the float32 graph that stay float32 in half formats, the largest first. */
export async function beyondHalf(
  { checkpoint, config, task, raw }: Source,
  folder: SourceFolder,
  graph: Graph,
  options: HalfRangeOptions,
): Promise<readonly FloatValue[]> {
  const { dtypes, fp16Check = true, strictFp16 = false } = options;
  if (!fp16Check || !dtypes.some(isHalf)) return [];
  const { engine = callingThread, calibration, onProgress } = options;
  const model = { config, task, tensors: checkpoint.tensors, engine };
  const given = calibration === undefined ? [] : await firstTokens(folder, calibration);
  const sequences = [...builtInTokens(config, raw), given];
  const ranges = await measureRanges(
    model,
    sequences
      .map((ids) => Int32Array.from(ids.filter((id) => id < config.vocabSize)))
      .filter(({ length }) => length > 0),
    (done, total) => onProgress?.({ stage: 'checked products', done, total }),
  );
  refuseAttention(ranges, config);
  const named = new Set([...graph.values, ...graph.outputs].map(({ name }) => name));
  const found = beyondMost(ranges, named);
  if (found.length === 0) return [];
  if (strictFp16) {
    throw new ToolkitError('HALF_OVERFLOW', 'values fit into half of the range of float16', {
      where: { beyond: listed(found), most },
      fix: 'leave out --strict-fp16 to keep them in float32',
    });
  }
  return found;
}

/** What is said of such values. */
export function floatsSentence(
  dtypes: readonly WeightFormat[],
  values: readonly FloatValue[],
): string | undefined {
  if (values.length === 0) return undefined;
  const formats = dtypes.filter(isHalf).join(' and ');
  return `values beyond half of the range of float16 stay float32 in ${formats}: ${listed(values)}`;
}

/** Ids of text that may be given first, and how many of it. */
const tokensOfText = 24;

async function firstTokens(folder: SourceFolder, text: string): Promise<readonly number[]> {
  if (text.trim() === '') return [];
  const tokenizer = await openTokenizer(folder);
  return tokenizer.encode(text.slice(0, 40 * tokensOfText)).slice(0, tokensOfText);
}

/**
 * Tokens that every vocabulary has: some of all of it, some of its beginning, where bytes and
 * punctuation are, each behind a token that texts begin or end with. Models put their largest
 * values at such places.
 */
function builtInTokens(
  { vocabSize, padTokenId, maxPositions }: ModernBertDecoderConfig,
  raw: Source['raw'],
): readonly (readonly number[])[] {
  const marks = ['bos_token_id', 'cls_token_id', 'eos_token_id', 'sep_token_id'].flatMap((name) => {
    const id = raw.get(name);
    return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize ? [id] : [];
  });
  const atRandom = (stream: number, count: number, below: number): readonly number[] => {
    const next = randomStream(0, stream);
    const ids = Array.from({ length: count }, () =>
      Math.floor(next() * Math.min(below, vocabSize)),
    );
    return ids.map((id) => (id === padTokenId ? (id + 1) % vocabSize : id));
  };
  return [
    [...marks.slice(0, 1), ...atRandom(0, 23, vocabSize)],
    [...marks.slice(-1), ...atRandom(1, 15, 256)],
    atRandom(2, 8, vocabSize),
  ].map((ids) => ids.slice(0, maxPositions));
}

function refuseAttention(ranges: Ranges, { layers }: ModernBertDecoderConfig): void {
  const names = layers.flatMap((_, layer) => [`layers.${layer}.attn.qkv`, scoresOf(layer)]);
  const found = beyondMost(ranges, new Set(names));
  if (found.length === 0) return;
  throw new ToolkitError('HALF_OVERFLOW', 'queries, keys, values and scores are kept in half', {
    where: { beyond: listed(found), most },
    fix: 'choose fp32, q8 or q4, which compute in float32',
  });
}

/** Of some names, those of values that go too far, the largest first. */
function beyondMost(ranges: Ranges, names: ReadonlySet<string>): readonly FloatValue[] {
  return [...ranges]
    .filter(([name, largest]) => names.has(name) && largest > most)
    .map(([name, largest]) => ({ name, largest: Number(largest.toPrecision(3)) }))
    .toSorted((a, b) => b.largest - a.largest);
}

/** Names beyond these are in the manifest. */
const maxListed = 4;

function listed(values: readonly FloatValue[]): string {
  const rest = values.length - maxListed;
  const each = values.slice(0, maxListed).map(({ name, largest }) => `${name} (${largest})`);
  return each.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** The graph's values that stay float32: those found, and all of an activation around one of them. */
export function floatNames(values: readonly FloatValue[], { nodes }: Graph): ReadonlySet<string> {
  const names = new Set(values.map(({ name }) => name));
  for (const head of ['lm_head', 'head']) {
    const product = `${head}.dense.out`;
    if (!names.has(product) && !names.has(`${head}.activated`)) continue;
    for (const name of activationNames(product, nodes)) names.add(name);
  }
  return names;
}

/** A product's result, and what its activation is made of up to the norm behind it. */
function activationNames(product: string, nodes: readonly Node[]): readonly string[] {
  const values = new Set([product]);
  const read = new Set<string>();
  for (const { op, inputs, outputs } of nodes) {
    if (op === 'LayerNormalization' || !inputs.some((name) => values.has(name))) continue;
    for (const name of outputs) values.add(name);
    for (const name of inputs) read.add(name);
  }
  const constants = nodes.flatMap(({ op, outputs }) =>
    op === 'Constant' ? outputs.filter((name) => read.has(name)) : [],
  );
  return [...values, ...constants];
}
