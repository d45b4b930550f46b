// Memory for what a round of work needs and the next one needs again, in the same order: threads
// would keep what is allocated anew for long after its use.

import type { Engine } from './engine.ts';
import { floats } from './weights.ts';

/** Owns arrays that are handed out again from the start of each round. */
export class Arena {
  readonly #engine: Engine;
  readonly #arrays: Float32Array[] = [];
  #next = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Starts a round: what was handed out before is handed out again. */
  begin(): void {
    this.#next = 0;
  }

  /** An array that holds anything. */
  floats(length: number): Float32Array {
    const at = this.#next++;
    const held = this.#arrays[at];
    if (held !== undefined && held.length >= length) return held.subarray(0, length);
    const made = floats(this.#engine, length);
    this.#arrays[at] = made;
    return made;
  }
}
