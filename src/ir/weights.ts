// How files get the numbers of a graph's weights: whoever knows the checkpoint gives them in order.

import type { Initializer } from './graph.ts';

export interface WeightSource {
  /**
   * The final values of an initializer, row-major, as consecutive chunks of any length. A chunk is
   * the reader's until it asks for the next one; then its memory is used again, so a source may
   * read ahead into a second buffer but not into this one.
   */
  floats(initializer: Initializer): AsyncIterable<Float32Array>;
}
