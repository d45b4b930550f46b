// Models of random weights in memory, for what golden cases are too large or too well-behaved for.

import type { ModernBertDecoderConfig } from '../src/base/config.ts';
import type { SourceFolder } from '../src/base/files.ts';
import { sizeOf } from '../src/base/tensors.ts';
import { blobFolder } from '../src/checkpoint/memory-source.ts';
import type { Initializer, Model } from '../src/ir/graph.ts';
import { rotaryRows } from '../src/model/rotary.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { encodeValues } from '../src/onnx/tensor-bytes.ts';
import { noise } from './agree.ts';
import { toyConfig } from './toy-model.ts';

/** A language model of two layers, one of each kind: quick to compile, and long enough for anything. */
export const tinyConfig: ModernBertDecoderConfig = {
  ...toyConfig(),
  vocabSize: 701,
  hiddenSize: 16,
  intermediateSize: 12,
  numHeads: 2,
  headDim: 8,
  maxPositions: 1100,
  decoderBias: true,
  layers: [
    { type: 'full_attention', window: -1, ropeTheta: 160_000 },
    { type: 'sliding_attention', window: 6, ropeTheta: 10_000 },
  ],
};

/** The name of a noise model's file. */
export const noiseName = 'model.onnx';

/** The folder of a model's file, with weights that are the same for the same names. */
export function noiseFolder(model: Model): SourceFolder {
  const placed = model.graph.initializers.map((each) => {
    const values = each.recipe.kind === 'values' ? each.recipe.values : [...valuesOf(each)];
    return [each.name, { bytes: encodeValues(each.type.dtype, values) }] as const;
  });
  const bytes = encodeModel(model, new Map(placed));
  return blobFolder('noise', { [noiseName]: bytes });
}

/** Norms scale by about one; products keep the size of what they are given. Codes are any codes. */
function valuesOf({ name, type: { dtype, shape }, recipe }: Initializer): Float32Array {
  const [rows = 0, columns = 0] = shape;
  if (recipe.kind === 'rotary') {
    return rotaryRows(recipe.fn, recipe.theta, columns, { from: 0, to: rows });
  }
  const seed = [...name].reduce((sum, letter) => sum * 31 + (letter.codePointAt(0) ?? 0), 7);
  const reach = shape.length === 1 ? 0.3 : Math.sqrt(3 / Math.min(rows, columns));
  const around = name.includes('norm') ? 1 : 0;
  const { data } = noise('float32', shape, seed % 2 ** 32, reach);
  const isCode = dtype === 'uint4' || dtype === 'uint8';
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
    isCode ? Math.floor(Number(data[i]) * (128 / reach)) & 255 : around + Number(data[i]),
  );
}
