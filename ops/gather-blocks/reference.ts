import { type RealTensor, numberOf } from '../../src/op.ts';
import { ShapeError } from '../../src/ir/dims.ts';
import type { Attributes } from '../../src/ir/graph.ts';
import { bind } from '../bind.ts';
import { weightRow } from '../matmul-nbits/reference.ts';

export function reference(
  inputs: readonly RealTensor[],
  attributes: Attributes,
): readonly RealTensor[] {
  const names = ['codes', 'ids', 'scales'] as const;
  const { codes, ids, scales, zeros } = bind('GatherBlocks', names, inputs, ['zeros']);
  const [count = 0] = codes.shape;
  const columns = numberOf(attributes['columns']);
  const table = {
    bits: numberOf(attributes['bits']),
    blockSize: numberOf(attributes['block_size']),
    columns,
    codes: codes.data,
    scales: scales.data,
    zeroPoints: zeros?.data,
  };
  const data = new Float64Array(ids.data.length * columns);
  for (const [i, id] of ids.data.entries()) {
    if (id < -count || id >= count) throw new ShapeError(`index ${id} of ${count} elements`);
    data.set(weightRow(table, id < 0 ? id + count : id), i * columns);
  }
  return [{ shape: [...ids.shape, columns], data }];
}
