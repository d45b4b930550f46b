// A weight that a model file keeps as codes of few bits, as numbers again, row by row. Both targets
// lay out the codes alike; zero points of four bits begin at a whole byte in each row of
// MatMulNBits, and follow one another for DequantizeLinear.

import type { Graph, Initializer, Node } from '../ir/graph.ts';
import { intOf } from '../ir/facts.ts';
import { encodeValues } from '../onnx/tensor-bytes.ts';
import type { StoredWeights } from '../onnx/stored-weights.ts';

/** A model file's graph, and the weights that belong to it. */
export interface WeightFile {
  readonly graph: Graph;
  readonly weights: StoredWeights;
}

/** Rows of numbers, as the checkpoint has them. */
export interface WeightRows {
  /** Puts the numbers of a row into `into`, which is as long as a row. */
  readonly read: (row: number, into: Float64Array) => void;
}

/** Opens the weight that was `name` before it became codes; undefined where there are none. */
export async function openBlocks(
  { graph, weights }: WeightFile,
  name: string,
): Promise<WeightRows | undefined> {
  const part = (suffix: string): Initializer | undefined =>
    graph.initializers.find((each) => each.name === `${name}.${suffix}`);
  const [codes, scales, zeros] = [part('codes'), part('scales'), part('zeros')];
  const reader = graph.nodes.find(
    (node) => codes !== undefined && node.inputs.includes(codes.name),
  );
  if (!codes || !scales || !reader) return undefined;
  const { bits, blockSize } = blocksIn(reader, codes);
  const blocks = scales.type.shape[1] ?? 0;
  const codeBytes = await bytesOf(weights, codes);
  const factors = (await weights.read(scales)).data;
  const zeroBytes = zeros && (await bytesOf(weights, zeros));
  const isAligned = bits === 4 && codes.type.shape.length === 3;
  const zerosInRow = isAligned ? 2 * Math.ceil(blocks / 2) : blocks;
  return {
    read: (row, into) => {
      const first = row * blocks * blockSize;
      for (let column = 0; column < into.length; column++) {
        const block = Math.floor(column / blockSize);
        const zero = zeroBytes
          ? codeAt(zeroBytes, bits, row * zerosInRow + block)
          : 2 ** (bits - 1);
        const code = codeAt(codeBytes, bits, first + column);
        into[column] = (code - zero) * (factors[row * blocks + block] ?? Number.NaN);
      }
    },
  };
}

function blocksIn(reader: Node, { type }: Initializer): { bits: number; blockSize: number } {
  const blockSize = intOf(reader, 'block_size');
  if (reader.op === 'DequantizeLinear') return { bits: type.dtype === 'uint4' ? 4 : 8, blockSize };
  return { bits: intOf(reader, 'bits', 4), blockSize };
}

/** The bytes of codes as they are kept, two codes of four bits in one. */
async function bytesOf(
  weights: StoredWeights,
  initializer: Initializer,
): Promise<ArrayLike<number>> {
  const { recipe, type } = initializer;
  if (recipe.kind === 'values') return encodeValues(type.dtype, recipe.values);
  const length = recipe.kind === 'stored' ? recipe.length : 0;
  const bytes = { ...initializer, type: { dtype: 'uint8', shape: [length] } } as const;
  return (await weights.read(bytes)).data;
}

function codeAt(bytes: ArrayLike<number>, bits: number, index: number): number {
  if (bits === 8) return bytes[index] ?? Number.NaN;
  return ((bytes[index >> 1] ?? Number.NaN) >> (4 * (index & 1))) & 15;
}
