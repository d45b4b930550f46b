// The loops of kernels.wat, on memory of their own: callers copy in what they work on, and copy out
// what came of it. One instance serves a thread.

import { kernelBytes } from './kernel-bytes.ts';

/** Addresses are bytes from the start of the memory; see kernels.wat for what lies there. */
export interface Kernels {
  /** Memory of so many bytes at least; good until it is asked for again. */
  readonly room: (bytes: number) => ArrayBuffer;
  readonly fit: (
    weights: number,
    rows: number,
    columns: number,
    blockSize: number,
    most: number,
    symmetric: number,
    factors: number,
    factorsEnd: number,
    scratch: number,
    out: number,
  ) => void;
  readonly product: (
    x: number,
    rows: number,
    weight: number,
    columns: number,
    stride: number,
    out: number,
  ) => void;
}

interface Exports extends Omit<Kernels, 'room'> {
  readonly memory: { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => void };
}

// what is used of it; neither Node's types nor those of the language have it
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

const pageBytes = 65_536;

let opened: Kernels | undefined;

/** The instance of this thread. */
export function kernels(): Kernels {
  return (opened ??= open());
}

function open(): Kernels {
  const bytes = Uint8Array.from(atob(kernelBytes), (letter) => letter.charCodeAt(0));
  const { memory, fit, product } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return {
    room: (needed) => {
      const missing = needed - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
      return memory.buffer;
    },
    fit,
    product,
  };
}
