// One run of the oracle through the model, from token ids to outputs.

import type { ModernBertDecoderConfig } from '../base/config.ts';
import { oracleActivation } from './oracle-activations.ts';
import { attend, gate, layerNorm, rotate } from './oracle-layer.ts';
import type { Linear } from './oracle-linear.ts';
import { embedding, type OracleWeights } from './oracle-weights.ts';

export interface PassTools {
  readonly weights: OracleWeights;
  readonly linear: Linear;
  /** Makes an array of zeros. */
  readonly array: (length: number) => Float64Array;
  /** Takes the number of multiplications by weights done so far. */
  readonly onProgress: (done: number) => void;
}

/** The vocabulary is long: its projection is read by pieces of about 16 MB. */
const projectionElements = 2 ** 22;

/** One run through the model. */
export class OraclePass {
  readonly #config: ModernBertDecoderConfig;
  readonly #tools: PassTools;
  #done = 0;

  constructor(config: ModernBertDecoderConfig, tools: PassTools) {
    this.#config = config;
    this.#tools = tools;
  }

  /** The last hidden state, [tokens, hidden]. */
  async body(ids: readonly number[], mask: readonly number[] | undefined): Promise<Float64Array> {
    const { layers, headDim, hiddenSize, intermediateSize } = this.#config;
    const activation = oracleActivation(this.#config.hiddenActivation);
    const x = await this.#norm(await this.#embed(ids), 'model.embeddings.norm');
    for (const [index, { window, ropeTheta }] of layers.entries()) {
      const name = `model.layers.${index}`;
      const y = index === 0 ? x : await this.#norm(x, `${name}.attn_norm`);
      const q = await this.#dense(y, `${name}.attn.q_proj`, hiddenSize, hiddenSize);
      const k = await this.#dense(y, `${name}.attn.k_proj`, hiddenSize, hiddenSize);
      const v = await this.#dense(y, `${name}.attn.v_proj`, hiddenSize, hiddenSize);
      rotate(q, hiddenSize, headDim, ropeTheta);
      rotate(k, hiddenSize, headDim, ropeTheta);
      const seen = attend(q, k, v, this.#config, { window, mask }, this.#tools.array(x.length));
      addTo(x, await this.#dense(seen, `${name}.attn.Wo`, hiddenSize, hiddenSize));

      const z = await this.#norm(x, `${name}.mlp_norm`);
      const wide = await this.#dense(z, `${name}.mlp.Wi`, hiddenSize, 2 * intermediateSize);
      const gated = gate(wide, intermediateSize, activation, this.#tools.array(wide.length / 2));
      addTo(x, await this.#dense(gated, `${name}.mlp.Wo`, intermediateSize, hiddenSize));
    }
    return this.#norm(x, 'model.final_norm');
  }

  /** Logits over the vocabulary for rows of hidden states. */
  async vocabulary(hidden: Float64Array, projection: string): Promise<Float64Array> {
    const { vocabSize, hiddenSize } = this.#config;
    const y = await this.#head(hidden, 'lm_head');
    const rows = y.length / hiddenSize;
    const logits = new Float64Array(rows * vocabSize);
    const step = Math.max(1, Math.floor(projectionElements / hiddenSize));
    for (let from = 0; from < vocabSize; from += step) {
      const to = Math.min(from + step, vocabSize);
      const part = await this.#product(y, projection, hiddenSize, from, to);
      for (let row = 0; row < rows; row++) {
        logits.set(
          part.subarray(row * (to - from), (row + 1) * (to - from)),
          row * vocabSize + from,
        );
      }
    }
    return this.#addBias(logits, 'decoder.bias');
  }

  /** Logits over the labels for one hidden state. */
  async classify(hidden: Float64Array): Promise<Float64Array> {
    const y = await this.#head(hidden, 'head');
    return this.#dense(y, 'classifier', this.#config.hiddenSize, this.#config.labels.length);
  }

  async #head(hidden: Float64Array, name: string): Promise<Float64Array> {
    const { hiddenSize, classifierActivation } = this.#config;
    const x = this.#tools.array(hidden.length);
    x.set(hidden);
    const y = await this.#dense(x, `${name}.dense`, hiddenSize, hiddenSize);
    const activation = oracleActivation(classifierActivation);
    for (let i = 0; i < y.length; i++) y[i] = activation(y[i] ?? 0);
    return this.#norm(y, `${name}.norm`);
  }

  async #embed(ids: readonly number[]): Promise<Float64Array> {
    const x = this.#tools.array(ids.length * this.#config.hiddenSize);
    for (const [index, id] of ids.entries()) {
      x.set(await this.#tools.weights.rows(embedding, id, id + 1), index * this.#config.hiddenSize);
    }
    return x;
  }

  async #norm(x: Float64Array, name: string): Promise<Float64Array> {
    const weight = await this.#tools.weights.vector(`${name}.weight`);
    const bias = await this.#tools.weights.bias(`${name}.bias`);
    return layerNorm(x, weight, bias, this.#config.normEps, this.#tools.array(x.length));
  }

  async #dense(x: Float64Array, name: string, from: number, to: number): Promise<Float64Array> {
    return this.#addBias(await this.#product(x, `${name}.weight`, from, 0, to), `${name}.bias`);
  }

  /** The product with rows `from` to `to` of a weight. */
  async #product(
    x: Float64Array,
    name: string,
    inDim: number,
    from: number,
    to: number,
  ): Promise<Float64Array> {
    const weight = await this.#tools.weights.rows(name, from, to);
    const rows = x.length / inDim;
    const out = await this.#tools.linear(x, rows, weight, inDim, to - from);
    this.#done += rows * weight.length;
    this.#tools.onProgress(this.#done);
    return out;
  }

  async #addBias(x: Float64Array, name: string): Promise<Float64Array> {
    const bias = await this.#tools.weights.bias(name);
    if (bias === undefined) return x;
    for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) + (bias[i % bias.length] ?? 0);
    return x;
  }
}

function addTo(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) + (y[i] ?? 0);
}
