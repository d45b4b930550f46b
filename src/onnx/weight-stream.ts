// One model's initializers on their way into its files. They are written in their order; those whose
// values stand in the graph are written as they are passed.

import { ToolkitError } from '../base/errors.ts';
import type { WrittenFile } from '../base/files.ts';
import type { Initializer } from '../ir/graph.ts';
import type { WeightChunk } from '../ir/weights.ts';
import { createFloatEncoder } from './float-encoder.ts';
import type { ModelWriter } from './model-writer.ts';
import { encodeValues } from './tensor-bytes.ts';

export class WeightStream {
  readonly #initializers: readonly Initializer[];
  readonly #writer: ModelWriter;
  readonly #encode = createFloatEncoder();
  #index = -1;

  constructor(initializers: readonly Initializer[], writer: ModelWriter) {
    this.#initializers = initializers;
    this.#writer = writer;
  }

  /** Appends to an initializer, the one in work or a later one. */
  async write(initializer: Initializer, chunk: WeightChunk): Promise<void> {
    while (this.#initializers[this.#index] !== initializer) {
      if (!(await this.#next())) {
        throw new ToolkitError('INTERNAL', 'weights come in the order of the model', {
          where: { tensor: initializer.name },
        });
      }
    }
    const floats = chunk instanceof Float32Array;
    await this.#writer.write(floats ? this.#encode(initializer, chunk) : chunk);
  }

  /** The data files, then the model file. */
  async close(): Promise<readonly WrittenFile[]> {
    while (await this.#next());
    return await this.#writer.close();
  }

  /** Ends one initializer and begins another; false when there is none. */
  async #next(): Promise<boolean> {
    const before = this.#initializers[this.#index];
    if (before) this.#writer.end(before);
    const initializer = this.#initializers[++this.#index];
    if (initializer === undefined) return false;
    await this.#writer.begin(initializer);
    const { recipe, type } = initializer;
    if (recipe.kind === 'values') {
      // Halves go the way of weights, which checks that they fit.
      const halves = type.dtype === 'float16';
      await this.#writer.write(
        halves
          ? this.#encode(initializer, Float32Array.from(recipe.values))
          : encodeValues(type.dtype, recipe.values),
      );
    }
    return true;
  }
}
