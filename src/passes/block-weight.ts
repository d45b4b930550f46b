// A weight as codes of few bits: the initializers that take its place, and what runtimes make of
// their scales and zero points while they load.

import type { DType } from '../base/dtypes.ts';
import type { Target } from '../base/manifest.ts';
import { elementType, int } from '../ir/attributes.ts';
import type { Builder } from '../ir/builder.ts';
import type { BlockScheme, Initializer } from '../ir/graph.ts';

/** Names of a quantized weight's parts, [rows, columns] of it. */
export interface BlockWeight {
  readonly name: string;
  readonly scheme: BlockScheme;
  /** Of what is computed with it. */
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
  /** Blocks in a row. */
  readonly blocks: number;
  readonly codes: string;
  /** float16, [rows, blocks]. */
  readonly scales: string;
  /** Left out where the middle code means 0. */
  readonly zeros: string | undefined;
}

/** Records the initializers of a weight's parts; MatMulNBits and DequantizeLinear share the bytes. */
export function addBlockWeight(
  b: Builder,
  { name, type, recipe }: Initializer,
  { target, scheme }: { readonly target: Target; readonly scheme: BlockScheme },
): BlockWeight {
  const { bits, blockSize } = scheme;
  const transposed = recipe.kind === 'weight' && recipe.transpose;
  const tensors = recipe.kind === 'weight' ? recipe.tensors : [];
  const [rows = 0, columns = 0] = transposed ? type.shape.toReversed() : type.shape;
  const blocks = Math.ceil(columns / blockSize);
  const contrib = target === 'onnxruntime';
  const small = bits === 4 && !contrib ? 'uint4' : 'uint8';
  const add = (
    part: 'codes' | 'scales' | 'zeros',
    dtype: DType,
    shape: readonly number[],
  ): string =>
    b.initializer({
      name: `${name}.${part}`,
      type: { dtype, shape },
      recipe: { kind: 'blocks', part, tensors, scheme },
    });
  const block = (blockSize * bits) / 8;
  const codes = contrib ? [rows, blocks, block] : [rows, blocks * blockSize];
  const zeros = [rows, contrib ? Math.ceil((blocks * bits) / 8) : blocks];
  return {
    name,
    scheme,
    dtype: type.dtype,
    rows,
    columns,
    blocks,
    codes: add('codes', small, codes),
    scales: add('scales', 'float16', [rows, blocks]),
    // without zero points, codes of DequantizeLinear are counted from 0
    zeros: scheme.symmetric && contrib ? undefined : add('zeros', small, zeros),
  };
}

/** The scales as factors of what is computed: halves are kept, for they take half of the room. */
export function scalesOf(b: Builder, { name, dtype, scales }: BlockWeight): string {
  if (dtype === 'float16') return scales;
  const attributes = { to: elementType(dtype) };
  return once(b, `${name}.scales.cast`, (as) => b.op('Cast', [scales], { as, attributes }));
}

/** A weight of halves as what is computed with. */
export function floatsOf(b: Builder, name: string): string {
  const attributes = { to: elementType('float32') };
  return once(b, `${name}.cast`, (as) => b.op('Cast', [name], { as, attributes }));
}

/** The weight as floats, [rows, columns], which standard operators read. */
export function dequantized(b: Builder, weight: BlockWeight): string {
  const { name, scheme, columns, blocks, codes, zeros } = weight;
  const whole = columns === blocks * scheme.blockSize;
  const inputs = [codes, scalesOf(b, weight), ...(zeros === undefined ? [] : [zeros])];
  const as = `${name}.floats`;
  const floats = b.op('DequantizeLinear', inputs, {
    as: whole ? as : `${as}.padded`,
    attributes: { axis: int(1), block_size: int(scheme.blockSize) },
  });
  if (whole) return floats;
  return b.op('Slice', [floats, b.int64([0]), b.int64([columns]), b.int64([1])], { as });
}

/** Records a value unless it is there. */
function once(b: Builder, name: string, record: (name: string) => string): string {
  return b.nodes.some(({ outputs }) => outputs.includes(name)) ? name : record(name);
}
