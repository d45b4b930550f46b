// One product of a model: rows of x times a weight, and what follows it at once. All kernels of
// products take this shape and bind the same buffers in the same order.

import {
  type Binding,
  type Element,
  elementBytes,
  type Grid,
  type Lengths,
  vectorsOf,
} from '../../src/wgsl.ts';
import type { TablePart } from '../table-part.ts';

/** A weight of floats, or one kept packed. */
export type ProductWeight = DenseWeight | BlocksWeight;

export interface DenseWeight {
  /** `in-out`: [inputs, outputs], as MatMul has it; `out-in`: [outputs, inputs], as Gemm with transB. */
  readonly layout: 'in-out' | 'out-in';
  readonly element: Element;
}

/** MatMulNBits: codes [outputs, blocks, blockSize * bits / 8], scales and zero points lying close. */
export interface BlocksWeight {
  readonly layout: 'blocks';
  readonly bits: 4 | 8;
  /** A power of two from 16 on. */
  readonly blockSize: number;
  /** Whether each block has one, packed like codes; otherwise the middle code means 0. */
  readonly zeroPoints: boolean;
  readonly scale: Element;
}

/** LayerNormalization of x before the product; vector form only. */
export interface NormPrologue {
  readonly epsilon: number;
  readonly bias: boolean;
  /** Of scale and bias. */
  readonly weight: Element;
}

export interface ProductShape {
  /** Elements of a row of x. */
  readonly inputs: number;
  /** Elements of a row of y; a gated product's weight has twice as many columns. */
  readonly outputs: number;
  readonly weight: ProductWeight;
  /** Of x, and of residual where that has no own. */
  readonly element: Element;
  /** Of y. */
  readonly output: Element;
  /** Of a bias for every column of the weight. */
  readonly bias?: Element | undefined;
  /** A name of the table, applied to the product and its bias. */
  readonly activation?: string | undefined;
  /** y = activate(first half of the columns) * second half; outputs are then a multiple of four. */
  readonly gated: boolean;
  /** y = residual + product; without activation and gate. */
  readonly residual: boolean;
  readonly residualElement?: Element | undefined;
  readonly norm?: NormPrologue | undefined;
  /**
   * The columns of y to write, where weight, scales and zero points hold rows of a part of the
   * weight only; `first` is a multiple of four. Not for in-out, nor gated.
   */
  readonly part?: TablePart | undefined;
  /** Which rows x has. */
  readonly count: keyof Pick<Lengths, 'tokens' | 'kept'>;
}

/**
 * x, [scale, [shift,]] weight, [scales, [zero_points,]] [bias,] [residual,] y; codes of a packed
 * weight are read as words of `word`.
 */
export function bindingsOf(
  shape: ProductShape,
  word: 'u32' | 'vec2<u32>' | 'vec4<u32>' = 'u32',
): readonly Binding[] {
  const { weight, element, output, bias, residual, residualElement = element, norm } = shape;
  const blocks = weight.layout === 'blocks';
  return [
    read('x', element),
    ...(norm ? [read('scale', norm.weight)] : []),
    ...(norm?.bias ? [read('shift', norm.weight)] : []),
    read('weight', blocks ? word : weight.element),
    ...(blocks ? [read('scales', 'u32')] : []),
    ...(blocks && weight.zeroPoints ? [read('zero_points', 'u32')] : []),
    ...(bias ? [read('bias', bias)] : []),
    ...(residual ? [read('residual', residualElement)] : []),
    { name: 'y', access: 'read_write', element: output },
  ];
}

function read(name: string, element: Binding['element']): Binding {
  return { name, access: 'read', element };
}

/** Columns of y that a kernel writes. */
export function columnsOf({ outputs, part }: ProductShape): number {
  return part?.count ?? outputs;
}

/** Columns of the weight that one column of y is made from. */
export function halvesOf({ gated }: Pick<ProductShape, 'gated'>): 1 | 2 {
  return gated ? 2 : 1;
}

/** Bytes of the weight with its scales and zero points, all of which a product reads. */
export function weightBytes(shape: ProductShape): number {
  const { inputs, weight } = shape;
  const columns = columnsOf(shape) * halvesOf(shape);
  switch (weight.layout) {
    case 'in-out':
      return inputs * vectorsOf(columns) * 4 * elementBytes(weight.element);
    case 'out-in':
      return columns * vectorsOf(inputs) * 4 * elementBytes(weight.element);
    case 'blocks': {
      const { bits, blockSize, zeroPoints, scale } = weight;
      const blocks = Math.ceil(inputs / blockSize);
      const codes = (blocks * blockSize * bits) / 8;
      const zeros = zeroPoints ? Math.ceil((blocks * bits) / 8) : 0;
      return columns * (codes + blocks * elementBytes(scale) + zeros);
    }
  }
}

/** Multiply-adds of the product with `rows` rows of x. */
export function multiplyAdds(shape: ProductShape, rows: number): number {
  return rows * shape.inputs * columnsOf(shape) * halvesOf(shape);
}

/** What a kernel is called in profiles. */
export function nameOf(form: 'tiles' | 'vector', shape: ProductShape): string {
  const { inputs, outputs, weight, gated, part } = shape;
  const kind = weight.layout === 'blocks' ? `q${weight.bits}` : weight.layout;
  const columns = part ? `${part.first}+${part.count} of ${outputs}` : outputs;
  return `matmul-${form} ${kind} ${inputs}x${columns}${gated ? ' gated' : ''}`;
}

/** A grid of workgroups that each make `columns` columns of `rows` rows. */
export function productGrid(
  shape: ProductShape,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): (lengths: Lengths) => Grid {
  const across = Math.ceil(columnsOf(shape) / columns);
  return (lengths) => [across, Math.ceil(lengths[shape.count] / rows), 1];
}
