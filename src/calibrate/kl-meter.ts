// How far what a model says moves when its weights are kept in other formats: KL divergence from the
// exact model at every token of some texts, over the vocabulary or over the labels of a classifier,
// which sees each token as the end of a text.

import { exactly, type KeptWeights, keptOnly } from './kept-weights.ts';
import { type KlFound, meanOf } from './mean-divergence.ts';
import { outputDivergences, type Variant } from './output-divergence.ts';
import { projectionOf, type Step, stepsOf } from './steps.ts';
import { embedding, Stream } from './stream.ts';
import { type Rounds, rowsOfTable } from './table.ts';
import type { TextModel } from './text.ts';
import { floats } from './weights.ts';

/** Variants whose outputs are compared in one run over the vocabulary. */
const together = 8;

/** Measures over some texts; it owns what the exact model makes of them. */
export class KlMeter {
  readonly #model: TextModel;
  readonly #sequences: readonly Int32Array[];
  readonly #roundsInputs: boolean;
  readonly #steps: readonly Step[];
  readonly #projection: string;
  readonly #memory: Rounds | undefined;
  /** Inputs of the projection: of variants by their places, of the exact model behind them. */
  readonly #ends: Float32Array[] = [];

  /**
   * `roundsInputs`: those of products with codes, as ONNX Runtime does at accuracy level 4; `memory`: what
   * the model's weights are read into, used again for each step.
   */
  constructor(
    model: TextModel,
    sequences: readonly Int32Array[],
    roundsInputs: boolean,
    memory?: Rounds,
  ) {
    this.#memory = memory;
    this.#model = model;
    this.#sequences = sequences;
    this.#roundsInputs = roundsInputs;
    this.#projection = projectionOf(model.task, model.weights);
    this.#steps = stepsOf(model.config, model.task, this.#projection);
  }

  /** Tokens that are measured on. */
  get tokens(): number {
    return this.#sequences.reduce((sum, { length }) => sum + length, 0);
  }

  /** How far a model of such weights is from the exact one. */
  async measure(kept: KeptWeights): Promise<KlFound> {
    const [found] = await this.#compare([await this.#run(kept, 0)]);
    return found ?? { kl: Number.POSITIVE_INFINITY, standardError: 0 };
  }

  /**
   * The mean divergences of models that are exact but for one unit of tensors; units come in the
   * order of the model.
   */
  async alone(
    units: readonly (readonly string[])[],
    kept: KeptWeights,
    onMeasured: (done: number) => void,
  ): Promise<readonly number[]> {
    const { weights } = this.#model;
    const exact = await this.#begin(exactly(weights));
    const branch = await this.#begin(exactly(weights));
    let inputs: Float32Array = new Float32Array();
    let done = 0;
    const variantOf = async (unit: readonly string[], place: number): Promise<Variant> => {
      const variant = keptOnly(weights, kept, unit);
      if (unit.includes(embedding)) return await this.#run(variant, place);
      const reads = ({ names }: Step): boolean => names.some((name) => unit.includes(name));
      const first = this.#steps.findIndex(reads);
      for (; done <= first; done++) {
        this.#memory?.begin();
        inputs = (await this.#steps[done]?.inputs(exact.stream, weights.read)) ?? inputs;
      }
      branch.keep(variant);
      branch.stream.goOnFrom(exact.stream);
      const end = await this.#through(branch.stream, this.#steps.slice(done), variant, inputs);
      return { kept: variant, end: this.#held(end, place) };
    };
    const found: number[] = [];
    for (let from = 0; from < units.length; from += together) {
      const variants: Variant[] = [];
      for (const unit of units.slice(from, from + together)) {
        variants.push(await variantOf(unit, variants.length));
        onMeasured(from + variants.length);
      }
      found.push(...(await this.#compare(variants)).map(({ kl }) => kl));
    }
    return found;
  }

  async #run(kept: KeptWeights, place: number): Promise<Variant> {
    const { stream } = await this.#begin(kept);
    const end = await this.#through(stream, this.#steps, kept, new Float32Array());
    return { kept, end: this.#held(end, place) };
  }

  /** Moves a stream on; where no step is left, its inputs are those of the last. */
  async #through(
    stream: Stream,
    steps: readonly Step[],
    kept: KeptWeights,
    inputs: Float32Array,
  ): Promise<Float32Array> {
    let end = inputs;
    for (const step of steps) {
      this.#memory?.begin();
      end = await step.inputs(stream, kept.read);
    }
    return end;
  }

  /** A stream of the tokens' rows, whose products round their inputs as the weights kept ask for. */
  async #begin(first: KeptWeights): Promise<Begun> {
    const { config, weights, engine } = this.#model;
    let kept = first;
    const { table, places } = await rowsOfTable(this.#sequences, config, kept, this.#memory);
    const stream = new Stream(config, weights, engine, places, {
      inputBlocks: (name) => this.#inputBlock(kept, name),
    });
    await stream.embed(table);
    const keep = (next: KeptWeights): void => {
      kept = next;
    };
    return { stream, keep };
  }

  #inputBlock(kept: KeptWeights, name: string): number | undefined {
    const form = kept.formOf(name);
    return this.#roundsInputs && typeof form === 'object' ? form.blockSize : undefined;
  }

  /** A copy that lasts until the next one in its place. */
  #held(rows: Float32Array, place: number): Float32Array {
    const held = (this.#ends[place] ??= floats(this.#model.engine, rows.length));
    held.set(rows);
    return held;
  }

  async #compare(variants: readonly Variant[]): Promise<readonly KlFound[]> {
    const { weights, engine } = this.#model;
    const found = await outputDivergences(
      {
        weights,
        engine,
        sequences: this.#sequences,
        projection: this.#projection,
        end: this.#ends[together] ?? (await this.#run(exactly(weights), together)).end,
        memory: this.#memory,
        inputBlock: (kept, weight) => this.#inputBlock(kept, weight),
      },
      variants,
    );
    return found.map((values) => meanOf(values, this.#sequences));
  }
}

interface Begun {
  readonly stream: Stream;
  /** Gives the stream other weights. */
  readonly keep: (kept: KeptWeights) => void;
}
