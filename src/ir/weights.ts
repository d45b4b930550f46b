// How files get the numbers of a graph's weights: whoever knows the checkpoint gives them in order.

import type { Initializer } from './graph.ts';

/** Floats that are still to be cast to the initializer's dtype, or bytes as they are stored. */
export type WeightChunk = Float32Array | Uint8Array;

export interface WeightSource {
  /**
   * Gives the final values of initializers that are made of the same tensors, row-major, in
   * consecutive chunks of any length; `take` is told which initializer a chunk is of. The tensors
   * are read once, as far as their size allows, and those initializers that one model has are given
   * one after the other. A chunk's memory is used again when `take` has resolved.
   */
  read(
    forms: readonly Initializer[],
    take: (form: number, chunk: WeightChunk) => Promise<void>,
  ): Promise<void>;
}
