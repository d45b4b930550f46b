// Golden checkpoints changed so that values go far beyond half floats, while in float32 all is well.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  copyOf,
  type StoredTensors,
  storeTensors,
  tensorsIn,
  valuesOf,
} from './checkpoint-copy.ts';

export interface Exaggeration {
  /** Values that cannot be halves. */
  readonly what: string;
  /** One of their names. */
  readonly name: string;
  readonly change: (tensors: StoredTensors) => void;
}

/** Below what makes a weight too large for half. */
const factor = 2 ** 17;
const sumFactor = 2 ** 15;

/** Multiplies the tensors whose names match, or of each only what `part` says. */
function scale(
  tensors: StoredTensors,
  pattern: RegExp,
  by: number,
  part: (at: number) => boolean = () => true,
): void {
  for (const [name, tensor] of tensors) {
    if (!pattern.test(name)) continue;
    const { length } = valuesOf(tensor);
    const values = valuesOf(tensor).map((x, i) => (part(i / length) ? x * by : x));
    tensors.set(name, { ...tensor, bytes: new Uint8Array(values.buffer) });
  }
}

/** Whether a row of mlp.Wi is of what is gated, not of the gate. */
const isValue = (at: number): boolean => at >= 0.5;

export const exaggerations: readonly Exaggeration[] = [
  {
    what: 'the sums that run through the layers',
    name: 'final.residual',
    // every norm takes the factor out again; the first layer's queries, keys and values have none
    change: (tensors) => {
      scale(tensors, /embeddings\.norm\.|\.Wo\./, sumFactor);
      scale(tensors, /layers\.0\.attn\.[qkv]_proj\.weight$/, 1 / sumFactor);
    },
  },
  {
    what: 'a gated product',
    name: 'layers.1.mlp.gated',
    change: (tensors) => {
      scale(tensors, /layers\.1\.mlp\.Wi\.weight$/, factor, isValue);
      scale(tensors, /layers\.1\.mlp\.Wo\.weight$/, 1 / factor);
    },
  },
  {
    what: 'the activation of the head',
    name: 'head.activated',
    change: (tensors) => scale(tensors, /head\.dense\.weight$/, factor),
  },
];

/** A changed copy of a golden checkpoint, in one file. */
export async function exaggerated(name: string, { change }: Exaggeration): Promise<string> {
  const folder = copyOf(name);
  const files = readdirSync(folder).filter((file) => /^model.*\.safetensors$/.test(file));
  const tensors: StoredTensors = new Map();
  for (const file of files) {
    for (const [tensor, stored] of await tensorsIn(folder, file)) tensors.set(tensor, stored);
    rmSync(join(folder, file));
  }
  rmSync(join(folder, 'model.safetensors.index.json'), { force: true });
  change(tensors);
  storeTensors(join(folder, 'model.safetensors'), tensors);
  return folder;
}
