// The model one token after the other, for several texts side by side, with all of its weights in
// memory: it writes calibration texts.

import { activationOf } from '../../ops/activations.ts';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { type Turns, turn, turnsOf } from './attention.ts';
import type { Engine } from './engine.ts';
import { Arena } from './arena.ts';
import { addBias, addTo, normRows } from './rows.ts';
import { embedding } from './stream.ts';
import { floats, type Weights } from './weights.ts';

/** Keys and values of a layer: of all positions, or of as many as a window has, the oldest written over. */
export interface Cache {
  readonly room: number;
  readonly keys: Float32Array; // [texts, room, hidden]
  readonly values: Float32Array;
}

/** Positions that the cache of a layer has room for, in texts of `length` tokens. */
export function cacheRoom(window: number, length: number): number {
  return window < 0 ? length : Math.min(window, length);
}

/** Reads the weights of a language model that writes texts of `length` tokens at most. */
export async function openWriter(
  config: ModernBertDecoderConfig,
  weights: Weights,
  engine: Engine,
  length: number,
): Promise<Writer> {
  const projection = weights.has('decoder.weight') ? 'decoder.weight' : embedding;
  const held = new Map<string, Float32Array>();
  for (const name of namesOf(config, projection)) {
    const values = await weights.readIf(name);
    if (values !== undefined) held.set(name, values);
  }
  return new Writer(config, held, engine, length);
}

class Writer {
  readonly #config: ModernBertDecoderConfig;
  readonly #held: ReadonlyMap<string, Float32Array>;
  readonly #engine: Engine;
  readonly #length: number;
  readonly #arena: Arena;
  readonly #turns: ReadonlyMap<number, Turns>;

  constructor(
    config: ModernBertDecoderConfig,
    held: ReadonlyMap<string, Float32Array>,
    engine: Engine,
    length: number,
  ) {
    this.#config = config;
    this.#held = held;
    this.#engine = engine;
    this.#length = length;
    this.#arena = new Arena(engine);
    const thetas = new Set(config.layers.map(({ ropeTheta }) => ropeTheta));
    this.#turns = new Map(
      [...thetas].map((theta) => [theta, turnsOf(theta, config.headDim, length)]),
    );
  }

  /** Room for so many texts. */
  caches(rows: number): readonly Cache[] {
    return this.#config.layers.map(({ window }) => {
      const room = cacheRoom(window, this.#length);
      const size = rows * room * this.#config.hiddenSize;
      return { room, keys: floats(this.#engine, size), values: floats(this.#engine, size) };
    });
  }

  /** Logits after one more token of each text, [texts, vocabulary]; the next step writes over them. */
  async step(
    ids: readonly number[],
    position: number,
    caches: readonly Cache[],
  ): Promise<Float32Array> {
    const { hiddenSize, layers, classifierActivation } = this.#config;
    const table = this.#get(embedding);
    this.#arena.begin();
    const rows = this.#arena.floats(ids.length * hiddenSize);
    for (const [row, id] of ids.entries()) {
      rows.set(table.subarray(id * hiddenSize, (id + 1) * hiddenSize), row * hiddenSize);
    }
    const x = this.#norm(rows, 'model.embeddings.norm');
    for (const layer of layers.keys()) {
      const cache = caches[layer];
      if (cache === undefined) continue;
      const y = layer === 0 ? x : this.#norm(x, `model.layers.${layer}.attn_norm`);
      addTo(x, await this.#attention(y, layer, position, cache));
      addTo(x, await this.#mlp(x, layer));
    }
    const h = await this.#dense(this.#norm(x, 'model.final_norm'), 'lm_head.dense');
    const activation = activationOf(classifierActivation).apply;
    for (let i = 0; i < h.length; i++) h[i] = activation(h[i] ?? 0);
    return await this.#dense(this.#norm(h, 'lm_head.norm'), 'decoder');
  }

  async #attention(
    y: Float32Array,
    layer: number,
    position: number,
    { room, keys, values }: Cache,
  ): Promise<Float32Array> {
    const { hiddenSize, numHeads, headDim, layers } = this.#config;
    const turns = this.#turns.get(layers[layer]?.ropeTheta ?? 0);
    const name = `model.layers.${layer}.attn`;
    const q = await this.#dense(y, `${name}.q_proj`);
    const k = await this.#dense(y, `${name}.k_proj`);
    const v = await this.#dense(y, `${name}.v_proj`);
    const texts = y.length / hiddenSize;
    for (let text = 0; text < texts; text++) {
      const from = text * hiddenSize;
      if (turns !== undefined) {
        turn(q, from, position, this.#config, turns);
        turn(k, from, position, this.#config, turns);
      }
      const at = (text * room + (position % room)) * hiddenSize;
      keys.set(k.subarray(from, from + hiddenSize), at);
      values.set(v.subarray(from, from + hiddenSize), at);
    }
    const out = this.#arena.floats(y.length);
    const farthest = this.#arena.floats(texts * numHeads);
    const seen = Math.min(position + 1, room);
    // the room holds what is seen, and nothing else
    const heads = { texts, queries: 1, position: seen - 1, room, window: -1, numHeads, headDim };
    await this.#engine.attend({ ...heads, q, keys, values, out, farthest });
    return await this.#dense(out, `${name}.Wo`);
  }

  async #mlp(x: Float32Array, layer: number): Promise<Float32Array> {
    const { intermediateSize, hiddenActivation } = this.#config;
    const name = `model.layers.${layer}`;
    const wide = await this.#dense(this.#norm(x, `${name}.mlp_norm`), `${name}.mlp.Wi`);
    const gated = this.#arena.floats(wide.length / 2);
    await this.#engine.gate({
      wide,
      width: intermediateSize,
      activation: hiddenActivation,
      out: gated,
    });
    return await this.#dense(gated, `${name}.mlp.Wo`, intermediateSize);
  }

  #get(name: string): Float32Array {
    return this.#held.get(name) ?? new Float32Array();
  }

  #norm(x: Float32Array, name: string): Float32Array {
    const out = this.#arena.floats(x.length);
    const [weight, bias] = [this.#get(`${name}.weight`), this.#held.get(`${name}.bias`)];
    normRows(x, { weight, bias, epsilon: this.#config.normEps }, out);
    return out;
  }

  async #dense(
    x: Float32Array,
    name: string,
    inDim: number = this.#config.hiddenSize,
  ): Promise<Float32Array> {
    const weight = this.#held.get(`${name}.weight`) ?? this.#get(embedding); // a tied table
    const [rows, outDim] = [x.length / inDim, weight.length / inDim];
    const out = this.#arena.floats(rows * outDim);
    await this.#engine.multiply({ x, rows, weight, inDim, outDim, out });
    addBias(out, this.#held.get(`${name}.bias`));
    return out;
  }
}

function namesOf(config: ModernBertDecoderConfig, projection: string): readonly string[] {
  return [
    embedding,
    projection,
    'decoder.bias',
    ...['model.embeddings.norm', 'model.final_norm', 'lm_head.dense', 'lm_head.norm'].flatMap(both),
    ...config.layers.flatMap((_, layer) =>
      [
        'attn_norm',
        'attn.q_proj',
        'attn.k_proj',
        'attn.v_proj',
        'attn.Wo',
        'mlp_norm',
        'mlp.Wi',
        'mlp.Wo',
      ].flatMap((part) => both(`model.layers.${layer}.${part}`)),
    ),
  ];
}

function both(name: string): readonly string[] {
  return [`${name}.weight`, `${name}.bias`];
}
