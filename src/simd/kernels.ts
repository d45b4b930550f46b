// The loops of the .wat files, each file on memory of its own: callers copy in what they work on, and
// copy out what came of it. One instance of each serves a thread.

import { attentionBytes, compensationBytes, kernelBytes } from './kernel-bytes.ts';

export interface Room {
  /** Memory of so many bytes at least; good until it is asked for again. */
  readonly room: (bytes: number) => ArrayBuffer;
}

/** Addresses are bytes from the start of the memory; see kernels.wat for what lies there. */
export interface Kernels extends Room {
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

/** The same of attention.wat. */
export interface AttentionKernels extends Room {
  readonly scores: (
    q: number,
    keys: number,
    count: number,
    stride: number,
    bytes: number,
    out: number,
  ) => void;
  readonly mix: (
    weights: number,
    count: number,
    values: number,
    stride: number,
    bytes: number,
    out: number,
  ) => void;
}

/** The same of compensation.wat. */
export interface CompensationKernels extends Room {
  readonly tryFour: (
    row: number,
    length: number,
    factor: number,
    fits: number,
    codes: number,
    errors: number,
  ) => void;
  readonly spread: (
    errors: number,
    rows: number,
    length: number,
    panel: number,
    pitch: number,
    columns: number,
    to: number,
    stride: number,
  ) => void;
}

interface Memory {
  readonly buffer: ArrayBuffer;
  readonly grow: (pages: number) => void;
}

// what is used of it; neither Node's types nor those of the language have it
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const pageBytes = 65_536;

/** The instances of this thread. */
export const kernels: () => Kernels = once<Kernels>(kernelBytes);
export const attentionKernels: () => AttentionKernels = once<AttentionKernels>(attentionBytes);
export const compensationKernels: () => CompensationKernels =
  once<CompensationKernels>(compensationBytes);

function once<Loops extends Room>(module: string): () => Loops {
  let opened: Loops | undefined;
  return () => (opened ??= open<Loops>(module));
}

function open<Loops extends Room>(module: string): Loops {
  const bytes = Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { memory, ...loops } = exports as Omit<Loops, 'room'> & { readonly memory: Memory };
  const room = (needed: number): ArrayBuffer => {
    const missing = needed - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    return memory.buffer;
  };
  return { ...loops, room } as unknown as Loops;
}
