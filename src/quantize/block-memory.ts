// Memory for what becomes of the rows in work, used again and again: those who do the work may keep
// hold of what they were given for long.

import type { BlockEngine } from './block-engine.ts';

/** Room for rows of codes, scales and zero points; each is good until it is asked for again. */
export class BlockMemory {
  readonly #memory: BlockEngine['memory'];
  #codes: Uint8Array = new Uint8Array();
  #scales: Float32Array = new Float32Array();
  #zeros: Uint8Array = new Uint8Array();

  constructor(memory: BlockEngine['memory']) {
    this.#memory = memory;
  }

  codes(length: number): Uint8Array {
    if (this.#codes.length < length) this.#codes = new Uint8Array(this.#memory(length));
    return this.#codes.subarray(0, length);
  }

  scales(length: number): Float32Array {
    if (this.#scales.length < length) this.#scales = new Float32Array(this.#memory(4 * length));
    return this.#scales.subarray(0, length);
  }

  zeros(length: number): Uint8Array {
    if (this.#zeros.length < length) this.#zeros = new Uint8Array(this.#memory(length));
    return this.#zeros.subarray(0, length);
  }
}
