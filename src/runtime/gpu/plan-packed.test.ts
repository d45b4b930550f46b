import { describe, expect, it } from 'vitest';
import { made, small, smallGraph } from '../../../test/graph-edits.ts';
import { modelOf, taskModel } from '../../../test/task-model.ts';
import { ToolkitError } from '../../base/errors.ts';
import { int } from '../../ir/attributes.ts';
import {
  contribDomain,
  fusedDomain,
  type Graph,
  type Initializer,
  type Node,
} from '../../ir/graph.ts';
import { planOf } from './plan.ts';

const [vocabulary, hidden] = [small.vocabSize, 32];
const graph: Graph = taskModel({ ...small, hiddenSize: hidden, headDim: 16 }).graph;

interface Packed {
  readonly bits: number;
  readonly blockSize: number;
  readonly zeros: boolean;
  /** Bytes of codes of a block; what the bits ask for when left out. */
  readonly codes?: number;
  /** Scales of a row; one for each block when left out. */
  readonly scales?: number;
  readonly zeroBytes?: number;
  readonly k?: number;
  readonly columns?: number;
  readonly dtype?: 'uint8' | 'int32';
}

function values(
  name: string,
  dtype: Initializer['type']['dtype'],
  ...shape: number[]
): Initializer {
  return { name, type: { dtype, shape }, recipe: { kind: 'values', values: [] } };
}

/** The graph with a packed table: looked up, and multiplied with. */
function packedGraph({
  bits,
  blockSize,
  zeros,
  codes,
  scales,
  zeroBytes,
  k = hidden,
  columns = hidden,
  dtype = 'uint8',
}: Packed): Graph {
  const blocks = Math.ceil(hidden / blockSize);
  const attributes = { bits: int(bits), block_size: int(blockSize) };
  const zero = zeros ? ['zeros'] : [];
  const lookUp: Node = {
    ...made(
      'GatherBlocks',
      ['codes', 'rolled_ids', 'scales', ...zero],
      'token_embeddings',
      fusedDomain,
    ),
    attributes: { ...attributes, columns: int(columns) },
  };
  const product: Node = {
    ...made(
      'MatMulNBits',
      ['flat_features', 'codes', 'scales', ...zero],
      'flat_logits',
      contribDomain,
    ),
    attributes: { ...attributes, K: int(k), N: int(vocabulary) },
  };
  return {
    ...graph,
    initializers: [
      ...graph.initializers,
      values('codes', dtype, vocabulary, blocks, codes ?? (blockSize * bits) / 8),
      values('scales', 'float32', vocabulary, scales ?? blocks),
      values('zeros', 'uint8', vocabulary, zeroBytes ?? Math.ceil((blocks * bits) / 8)),
    ],
    nodes: graph.nodes.flatMap((node) => {
      if (node.outputs[0] === 'token_embeddings') return [lookUp];
      return node.op === 'Gemm' ? [product] : [node];
    }),
  };
}

describe('packed weights', () => {
  it.each([
    { bits: 4, blockSize: 16, zeros: false },
    { bits: 4, blockSize: 32, zeros: true },
    { bits: 8, blockSize: 16, zeros: true },
    { bits: 8, blockSize: 32, zeros: false },
  ])('of $bits bits in blocks of $blockSize are read as they are', ({ bits, blockSize, zeros }) => {
    const { steps, vocabulary: size } = planOf(modelLike(packedGraph({ bits, blockSize, zeros })));
    const layout = { kind: 'blocks', bits, blockSize, scales: 'scales' };
    const own = zeros ? { ...layout, zeroPoints: 'zeros' } : layout;
    expect(size).toBe(vocabulary);
    expect(steps[0]).toMatchObject({ kind: 'embed', table: 'codes', layout: own });
    expect(steps.at(-1)).toMatchObject({
      kind: 'product',
      weight: 'codes',
      layout: own,
      inputs: hidden,
      outputs: vocabulary,
    });
  });

  const plain: Packed = { bits: 4, blockSize: 16, zeros: true };
  it.each<readonly [string, Packed]>([
    ['of three bits', { ...plain, bits: 3, codes: 6 }],
    ['in blocks of 24', { ...plain, blockSize: 24 }],
    ['in blocks of 8', { ...plain, blockSize: 8 }],
    ['with too few codes', { ...plain, codes: 7 }],
    ['with too few scales', { ...plain, scales: 1 }],
    ['with too few zero points', { ...plain, zeroBytes: 0 }],
    ['of other codes', { ...plain, dtype: 'int32' }],
    ['of another width', { ...plain, k: hidden + 16 }],
    ['looked up in another width', { ...plain, columns: hidden + 16 }],
  ])('%s are refused', (_, packed) => {
    let error: unknown;
    try {
      planOf(modelLike(packedGraph(packed)));
    } catch (cause) {
      error = cause;
    }
    expect(error).toBeInstanceOf(ToolkitError);
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_OPERATOR',
      where: {
        node: expect.stringMatching(/^(?:token_embeddings|flat_logits)$/),
      },
    });
  });
});

function modelLike(changed: Graph): ReturnType<typeof modelOf> {
  return { ...modelOf(smallGraph), graph: changed };
}
