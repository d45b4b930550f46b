// GatherBlocks in standard ONNX. Rows are picked first and unpacked then, so that a run touches only
// those that its ids name, and nothing of the table is copied while a model loads.

import { constant, string } from '../../src/ir/attributes.ts';
import { Builder } from '../../src/ir/builder.ts';
import { type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import { type Call, numberOf } from '../../src/op.ts';
import { opsets } from '../opsets.ts';

export function body(call: Call): FunctionDef {
  return { ...unpacked(call), opsets: { '': opsets.body } };
}

/** The same nodes in every version of ONNX's operators. */
export function unpacked({ inputs, attributes }: Call): Omit<FunctionDef, 'opsets'> {
  const b = new Builder();
  const [, ids] = inputs;
  const rank = ids?.shape.length ?? 0;
  const bits = numberOf(attributes['bits']);
  const blockSize = numberOf(attributes['block_size']);
  const columns = numberOf(attributes['columns']);
  const shape: RowShape = { bits, rank, blocks: Math.ceil(columns / blockSize) };
  const hasZeros = inputs.length === 4;

  const codes = floatCodes(b, 'codes', shape); // [..., blocks, bytes] or, of nibbles, [..., blocks, bytes, 2]
  const scales = perCode(b, b.op('Gather', ['scales', 'ids']), shape);
  const zeros = hasZeros ? zeroPoints(b, shape) : middleCode(b, bits);
  const blocks = b.op('Mul', [b.op('Sub', [codes, zeros]), scales], { as: 'blocks' });
  const width = shape.blocks * blockSize;
  const as = width === columns ? 'output' : 'padded';
  const rows = b.op('Reshape', [blocks, int64(b, [...leading(shape), width])], { as });
  if (width !== columns) {
    b.op('Slice', [rows, int64(b, [0]), int64(b, [columns]), int64(b, [rank])], { as: 'output' });
  }
  return {
    domain: fusedDomain,
    name: 'GatherBlocks',
    doc: 'Rows of a table of codes by id, as floats.',
    inputs: ['codes', 'ids', 'scales', ...(hasZeros ? ['zeros'] : [])],
    outputs: ['output'],
    attributes: ['bits', 'block_size', 'columns'],
    nodes: b.nodes,
  };
}

interface RowShape {
  readonly bits: number;
  /** Of ids. */
  readonly rank: number;
  readonly blocks: number;
}

/** Codes of the rows as floats; two nibbles of a byte are an axis of their own, the low one first. */
function floatCodes(b: Builder, table: 'codes' | 'zeros', { bits }: RowShape): string {
  const bytes = b.op('Gather', [table, 'ids']);
  const codes = bits === 8 ? bytes : nibbles(b, bytes);
  return b.op('CastLike', [codes, 'scales']);
}

function nibbles(b: Builder, bytes: string): string {
  const apart = b.op('Unsqueeze', [bytes, int64(b, [-1])]);
  const shifts = b.constant(constant('uint8', [0, 4]));
  const direction = { attributes: { direction: string('RIGHT') } };
  const shifted = b.op('BitShift', [apart, shifts], direction);
  return b.op('BitwiseAnd', [shifted, b.constant(constant('uint8', 15))]);
}

/** [..., blocks] with the axes that codes have behind it. */
function perCode(b: Builder, x: string, { bits }: RowShape): string {
  return b.op('Unsqueeze', [x, int64(b, bits === 8 ? [-1] : [-1, -2])]);
}

/** One for each block. Rows of nibbles are whole bytes, so the last one may belong to no block. */
function zeroPoints(b: Builder, shape: RowShape): string {
  const zeros = floatCodes(b, 'zeros', shape);
  if (shape.bits === 8) return perCode(b, zeros, shape);
  const even = 2 * Math.ceil(shape.blocks / 2);
  const each = b.op('Reshape', [zeros, int64(b, [...leading(shape), even, 1, 1])]);
  if (shape.blocks === even) return each;
  const axis = int64(b, [shape.rank]);
  return b.op('Slice', [each, int64(b, [0]), int64(b, [shape.blocks]), axis]);
}

function middleCode(b: Builder, bits: number): string {
  return b.op('CastLike', [b.constant(constant('float32', 2 ** (bits - 1))), 'scales']);
}

/** In a Reshape: the axes of ids stay as they are. */
function leading({ rank }: RowShape): readonly number[] {
  return Array.from({ length: rank }, () => 0);
}

function int64(b: Builder, values: readonly number[]): string {
  return b.constant(constant('int64', values));
}
