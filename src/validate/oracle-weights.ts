// The oracle's view of a checkpoint: every tensor it will need is checked before anything is
// computed, and read one at a time, so that memory stays at a matrix.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { isFloatDType, storedBits, type FloatDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { chunkBytes } from '../base/limits.ts';
import { formatShape, type TensorRef } from '../base/tensors.ts';
import { decodeFloats } from '../checkpoint/floats.ts';

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Reads weights as float32. */
export interface OracleWeights {
  /** A vector. */
  vector(name: string): Promise<Float32Array>;
  /** A vector, or undefined where the model has none of this name. */
  bias(name: string): Promise<Float32Array | undefined>;
  /** Rows `from` to `to` of a matrix. The next call writes over the array. */
  rows(name: string, from: number, to: number): Promise<Float32Array>;
}

export const embedding = 'model.embeddings.tok_embeddings.weight';

/** The matrix that turns hidden states into logits: the weights decide whether it is the embedding. */
export function vocabularyProjection(
  tensors: ReadonlyMap<string, TensorRef>,
  config: ModernBertDecoderConfig,
): string {
  return config.tieWordEmbeddings && !tensors.has('decoder.weight') ? embedding : 'decoder.weight';
}

/** Names and shapes of the tensors a task computes with. */
export function neededShapes(
  config: ModernBertDecoderConfig,
  task: Task,
  projection: string,
): Shapes {
  const { hiddenSize: h, vocabSize, classifierBias } = config;
  const shapes = new Map<string, readonly number[]>();
  const norm = (name: string): void => {
    shapes.set(`${name}.weight`, [h]);
    if (config.normBias) shapes.set(`${name}.bias`, [h]);
  };
  const dense = (name: string, out: number, from: number, bias: boolean): void => {
    shapes.set(`${name}.weight`, [out, from]);
    if (bias) shapes.set(`${name}.bias`, [out]);
  };

  shapes.set(embedding, [vocabSize, h]);
  norm('model.embeddings.norm');
  for (const index of config.layers.keys()) {
    const layer = `model.layers.${index}`;
    if (index > 0) norm(`${layer}.attn_norm`);
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'Wo']) {
      dense(`${layer}.attn.${part}`, h, h, config.attentionBias);
    }
    norm(`${layer}.mlp_norm`);
    dense(`${layer}.mlp.Wi`, 2 * config.intermediateSize, h, config.mlpBias);
    dense(`${layer}.mlp.Wo`, h, config.intermediateSize, config.mlpBias);
  }
  norm('model.final_norm');
  if (task === 'feature-extraction') return shapes;

  const head = task === 'text-generation' ? 'lm_head' : 'head';
  dense(`${head}.dense`, h, h, classifierBias);
  norm(`${head}.norm`);
  if (task === 'text-classification') dense('classifier', config.labels.length, h, classifierBias);
  else {
    shapes.set(projection, [vocabSize, h]);
    if (config.decoderBias) shapes.set('decoder.bias', [vocabSize]);
  }
  return shapes;
}

/** Checks that the tensors are there with these shapes, and returns their reader. */
export function openWeights(
  tensors: ReadonlyMap<string, TensorRef>,
  shapes: Shapes,
  allocate: (length: number) => Float32Array,
): OracleWeights {
  const open = new Map([...shapes].map(([name, shape]) => [name, check(tensors, name, shape)]));
  const find = (name: string): Weight => {
    const weight = open.get(name);
    if (weight !== undefined) return weight;
    throw new ToolkitError('INTERNAL', 'the oracle reads only what it checked', {
      where: { name },
    });
  };
  let scratch: Float32Array = new Float32Array(0);
  return {
    vector: (name) => readVector(find(name)),
    bias: async (name) => (open.has(name) ? readVector(find(name)) : undefined),
    async rows(name, from, to) {
      const weight = find(name);
      const length = (to - from) * weight.columns;
      if (scratch.length < length) scratch = allocate(length);
      const out = scratch.subarray(0, length);
      await readInto(weight, from * weight.columns, out);
      return out;
    },
  };
}

interface Weight {
  readonly ref: TensorRef;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly columns: number;
}

function check(
  tensors: ReadonlyMap<string, TensorRef>,
  name: string,
  shape: readonly number[],
): Weight {
  const ref = tensors.get(name);
  if (ref === undefined) {
    throw new ToolkitError('WEIGHT_MISSING', 'the checkpoint has no tensor that the model needs', {
      where: { tensor: name, expected: formatShape(shape) },
    });
  }
  if (ref.shape.length !== shape.length || ref.shape.some((dim, axis) => dim !== shape[axis])) {
    throw new ToolkitError('WEIGHT_SHAPE', 'a tensor has another shape than config.json says', {
      where: {
        tensor: name,
        expected: formatShape(shape),
        got: formatShape(ref.shape),
        file: ref.file,
      },
    });
  }
  if (!isFloatDType(ref.dtype)) {
    throw new ToolkitError('WEIGHT_DTYPE', 'a weight has to be floating point', {
      where: { tensor: name, dtype: ref.dtype, file: ref.file },
    });
  }
  const [rows = 0, columns = 1] = shape;
  return { ref, dtype: ref.dtype, rows, columns };
}

async function readVector(weight: Weight): Promise<Float32Array> {
  const out = new Float32Array(weight.rows);
  await readInto(weight, 0, out);
  return out;
}

/** Fills `out` with elements from `start` on, in pieces, so that raw bytes take little memory. */
async function readInto({ ref, dtype }: Weight, start: number, out: Float32Array): Promise<void> {
  const width = storedBits[dtype] / 8;
  const step = chunkBytes / width;
  for (let at = 0; at < out.length; at += step) {
    const end = Math.min(at + step, out.length);
    const bytes = await ref.read((start + at) * width, (start + end) * width);
    decodeFloats(bytes, dtype, out.subarray(at, end));
  }
}
