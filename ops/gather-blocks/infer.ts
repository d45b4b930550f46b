import type { TensorType } from '../../src/base/tensors.ts';
import { compatible } from '../../src/ir/dims.ts';
import { type Call, numberOf } from '../../src/op.ts';
import { bind, checkAttributes, checker, isHalfOrFloat } from '../bind.ts';

export function infer({ inputs, attributes }: Call): readonly TensorType[] {
  const op = 'GatherBlocks';
  const bound = bind(op, ['codes', 'ids', 'scales'], inputs, ['zeros']);
  const { codes, ids, scales, zeros } = bound;
  const check = checker(op, bound);
  checkAttributes(op, { bits: 'int', block_size: 'int', columns: 'int' }, attributes);
  const [bits, blockSize, columns] = ['bits', 'block_size', 'columns'].map((name) =>
    numberOf(attributes[name]),
  ) as [number, number, number];
  check(bits === 4 || bits === 8, 'codes must have 4 or 8 bits');
  check(blockSize > 0 && blockSize % 2 === 0, 'blocks must have an even number of codes');
  const blocks = Math.ceil(columns / blockSize);
  const [rows = null] = codes.shape;
  const fits = (type: TensorType, ...columnsOf: readonly number[]): boolean =>
    compatible(type.shape, [rows, ...columnsOf]);
  check(codes.dtype === 'uint8', 'codes must be uint8', 'codes');
  const block = (blockSize * bits) / 8;
  check(fits(codes, blocks, block), `codes must be ${blocks} blocks of ${block} bytes`, 'codes');
  check(ids.dtype === 'int64' || ids.dtype === 'int32', 'ids must be integers', 'ids');
  check(isHalfOrFloat(scales), 'scales must be float32 or float16', 'scales');
  check(fits(scales, blocks), 'scales must be one for each block', 'scales', 'codes');
  if (zeros) {
    const bytes = Math.ceil((blocks * bits) / 8);
    check(zeros.dtype === 'uint8', 'zeros must be uint8', 'zeros');
    check(fits(zeros, bytes), `zeros must be ${bytes} bytes a row`, 'zeros', 'codes');
  }
  return [{ dtype: scales.dtype, shape: [...ids.shape, columns] }];
}
