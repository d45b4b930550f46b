// What runs through the model while its weights are rounded: the rows of all calibration tokens, a
// layer at a time. Products go sequence by sequence, so that wide rows exist for one sequence only.

import { activationOf } from '../../ops/activations.ts';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { Arena } from './arena.ts';
import { turn, turnsOf } from './attention.ts';
import type { Engine } from './engine.ts';
import { roundInputs } from './round-inputs.ts';
import { activatedRows, addBias, addTo, normRows } from './rows.ts';
import { floats, type Weights } from './weights.ts';

export const embedding = 'model.embeddings.tok_embeddings.weight';

/** Gives the weight of a name, rounded or not. */
export type Matrix = (name: string) => Promise<Float32Array>;

/** Told of the values of the graph as they are made. */
export type Seen = (value: string, rows: Float32Array) => void;

/** What is done beside the way of the rows. */
export interface StreamHooks {
  readonly seen?: Seen;
  /** Of a weight, the size of the blocks in which its inputs are rounded to 8 bits, where they are. */
  readonly inputBlocks?: (weight: string) => number | undefined;
}

/** A product with a weight, and its bias. */
type Dense = (rows: Float32Array, outDim: number) => Promise<Float32Array>;

/** The rows of sequences of tokens on their way through the model. */
export class Stream {
  /** Sums that run through the layers. */
  readonly #x: Float32Array; // [tokens, hidden]
  /** Inputs of the next product. */
  readonly #y: Float32Array; // [tokens, hidden]
  /** Inputs of mlp.Wo. */
  readonly #z: Float32Array; // [tokens, intermediate]
  readonly #config: ModernBertDecoderConfig;
  readonly #weights: Weights;
  readonly #engine: Engine;
  readonly #arena: Arena;
  readonly #sequences: readonly Int32Array[];
  readonly #seen: Seen | undefined;
  readonly #inputBlocks: StreamHooks['inputBlocks'];

  constructor(
    config: ModernBertDecoderConfig,
    weights: Weights,
    engine: Engine,
    sequences: readonly Int32Array[],
    { seen, inputBlocks }: StreamHooks = {},
  ) {
    const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
    this.#x = floats(engine, tokens * config.hiddenSize);
    this.#y = floats(engine, tokens * config.hiddenSize);
    this.#z = floats(engine, tokens * config.intermediateSize);
    this.#config = config;
    this.#weights = weights;
    this.#engine = engine;
    this.#arena = new Arena(engine);
    this.#sequences = sequences;
    this.#seen = seen;
    this.#inputBlocks = inputBlocks;
  }

  /** Takes the place of a stream of the same sequences, which goes on by itself. */
  goOnFrom(other: Stream): void {
    this.#x.set(other.#x);
    this.#y.set(other.#y);
    this.#z.set(other.#z);
  }

  /** Fills the rows from the table. */
  async embed(table: Float32Array): Promise<void> {
    const width = this.#config.hiddenSize;
    let at = 0;
    for (const sequence of this.#sequences) {
      for (const id of sequence) {
        this.#x.set(table.subarray(id * width, (id + 1) * width), at);
        at += width;
      }
    }
    this.#seen?.('token_embeddings', this.#x);
    await this.#norm(this.#x, 'model.embeddings.norm', this.#x, 'embeddings');
  }

  /** Ends the layer before, and makes the inputs of q, k and v. */
  async beforeAttention(layer: number, matrix: Matrix): Promise<Float32Array> {
    await this.#endLayer(layer - 1, matrix);
    if (layer === 0) this.#y.set(this.#x);
    else {
      const name = `layers.${layer}.attn`;
      await this.#norm(this.#x, `model.${name}_norm`, this.#y, `${name}.normed`);
    }
    return this.#y;
  }

  /** Makes the inputs of attn.Wo. */
  async attention(layer: number, matrix: Matrix): Promise<Float32Array> {
    const { hiddenSize, layers, headDim, numHeads } = this.#config;
    const { window = -1, ropeTheta = 1 } = layers[layer] ?? {};
    const longest = this.#sequences.reduce((most, { length }) => Math.max(most, length), 0);
    const turns = turnsOf(ropeTheta, headDim, longest);
    const name = `layers.${layer}.attn`;
    const parts: Dense[] = [];
    for (const part of ['q_proj', 'k_proj', 'v_proj'])
      parts.push(await this.#dense(`model.${name}.${part}`, `${name}.qkv`, matrix));
    await this.#each(hiddenSize, this.#y, async (rows) => {
      const made: Float32Array[] = [];
      for (const dense of parts) made.push(await dense(rows, hiddenSize));
      const [q, keys, values] = made;
      if (!q || !keys || !values) return;
      const queries = q.length / hiddenSize;
      for (let at = 0, position = 0; at < q.length; at += hiddenSize, position++) {
        turn(q, at, position, this.#config, turns);
        turn(keys, at, position, this.#config, turns);
      }
      const farthest = this.#arena.floats(numHeads);
      const heads = { texts: 1, queries, position: 0, room: queries, window, numHeads, headDim };
      await this.#engine.attend({ ...heads, q, keys, values, out: rows, farthest });
      this.#seen?.(`${name}.qkv`, q); // turned, as keys go into the cache
      this.#seen?.(`${name}.qkv`, keys);
      this.#seen?.(`${name}.scores`, farthest);
      this.#seen?.(`${name}.context`, rows);
    });
    return this.#y;
  }

  /** Ends the attention of a layer, and makes the inputs of mlp.Wi. */
  async afterAttention(layer: number, matrix: Matrix): Promise<Float32Array> {
    const { hiddenSize } = this.#config;
    const name = `layers.${layer}`;
    await this.#add(`${name}.attn`, this.#y, hiddenSize, matrix);
    this.#seen?.(`${name}.mlp.residual`, this.#x);
    await this.#norm(this.#x, `model.${name}.mlp_norm`, this.#y, `${name}.mlp.normed`);
    return this.#y;
  }

  /** Makes the inputs of mlp.Wo. */
  async gate(layer: number, matrix: Matrix): Promise<Float32Array> {
    const { hiddenSize, intermediateSize, hiddenActivation } = this.#config;
    const { apply } = activationOf(hiddenActivation);
    const name = `layers.${layer}.mlp`;
    const dense = await this.#dense(`model.${name}.Wi`, `${name}.gates`, matrix);
    let at = 0;
    await this.#each(hiddenSize, this.#y, async (rows) => {
      const wide = await dense(rows, 2 * intermediateSize);
      const out = this.#z.subarray(at, (at += wide.length / 2));
      await this.#engine.gate({ wide, width: intermediateSize, activation: hiddenActivation, out });
      // what is activated may be larger than the gated product of it
      this.#seen?.(`${name}.gated`, activatedRows(wide, intermediateSize, apply));
    });
    this.#seen?.(`${name}.gated`, this.#z);
    return this.#z;
  }

  /** Ends the last layer, and makes the inputs of the head's dense layer. */
  async beforeHead(matrix: Matrix): Promise<Float32Array> {
    await this.#endLayer(this.#config.layers.length - 1, matrix);
    await this.#norm(this.#x, 'model.final_norm', this.#y, 'final.normed');
    return this.#y;
  }

  /** Makes the inputs of what comes behind the head's dense layer. */
  async head(head: string, matrix: Matrix): Promise<Float32Array> {
    const { hiddenSize, classifierActivation } = this.#config;
    const activation = activationOf(classifierActivation).apply;
    const dense = await this.#dense(`${head}.dense`, `${head}.dense.out`, matrix);
    await this.#each(hiddenSize, this.#y, async (rows) => {
      const y = await dense(rows, hiddenSize);
      for (let i = 0; i < y.length; i++) rows[i] = activation(y[i] ?? 0);
    });
    this.#seen?.(`${head}.activated`, this.#y);
    await this.#norm(this.#y, `${head}.norm`, this.#y, `${head}.out`);
    return this.#y;
  }

  async #endLayer(layer: number, matrix: Matrix): Promise<void> {
    if (layer < 0) return;
    await this.#add(`layers.${layer}.mlp`, this.#z, this.#config.intermediateSize, matrix);
    const last = layer === this.#config.layers.length - 1;
    this.#seen?.(last ? 'final.residual' : `layers.${layer + 1}.attn.residual`, this.#x);
  }

  async #norm(x: Float32Array, module: string, out: Float32Array, value: string): Promise<void> {
    normRows(
      x,
      {
        weight: await this.#weights.read(`${module}.weight`),
        bias: await this.#weights.readIf(`${module}.bias`),
        epsilon: this.#config.normEps,
      },
      out,
    );
    this.#seen?.(value, out);
  }

  /** A product with a weight, and its bias, for rows of one sequence. */
  async #dense(name: string, value: string, matrix: Matrix): Promise<Dense> {
    const weight = await matrix(`${name}.weight`);
    const bias = await this.#weights.readIf(`${name}.bias`);
    const blockSize = this.#inputBlocks?.(`${name}.weight`);
    return async (inputs, outDim) => {
      const inDim = weight.length / outDim;
      const rows = inputs.length / inDim;
      const x =
        blockSize === undefined
          ? inputs
          : roundInputs(inputs, inDim, blockSize, this.#arena.floats(inputs.length));
      const out = this.#arena.floats(rows * outDim);
      await this.#engine.multiply({ x, rows, weight, inDim, outDim, out });
      if (bias) this.#seen?.(`${value}.product`, out);
      addBias(out, bias);
      this.#seen?.(value, out);
      return out;
    };
  }

  async #add(part: string, inputs: Float32Array, width: number, matrix: Matrix): Promise<void> {
    const { hiddenSize } = this.#config;
    const dense = await this.#dense(`model.${part}.Wo`, `${part}.out`, matrix);
    let at = 0;
    await this.#each(width, inputs, async (rows) => {
      const y = await dense(rows, hiddenSize);
      addTo(this.#x.subarray(at, (at += y.length)), y);
    });
  }

  /** Hands over the rows of one sequence after the other. */
  async #each(
    width: number,
    x: Float32Array,
    work: (rows: Float32Array) => Promise<void>,
  ): Promise<void> {
    let at = 0;
    for (const { length } of this.#sequences) {
      this.#arena.begin();
      await work(x.subarray(at, (at += length * width)));
    }
  }
}
