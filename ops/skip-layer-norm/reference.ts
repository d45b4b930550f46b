import { type RealTensor, numberOf } from '../../src/op.ts';
import type { Attributes } from '../../src/ir/graph.ts';
import { bind } from '../bind.ts';

export function reference(
  inputs: readonly RealTensor[],
  attributes: Attributes,
): readonly RealTensor[] {
  const { x, skip, gamma, beta } = bind('SkipLayerNorm', ['x', 'skip', 'gamma'], inputs, ['beta']);
  const epsilon = numberOf(attributes['epsilon']);
  const width = x.shape.at(-1) ?? 0;
  const sum = Float64Array.from(x.data, (value, i) => value + at(skip.data, i));
  const y = new Float64Array(sum.length);
  for (let row = 0; row < sum.length; row += width) {
    const values = sum.subarray(row, row + width);
    const mean = values.reduce((total, value) => total + value, 0) / width;
    const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / width;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < width; i++) {
      const offset = beta ? at(beta.data, i) : 0;
      y[row + i] = (at(values, i) - mean) * inverse * at(gamma.data, i) + offset;
    }
  }
  return [
    { shape: x.shape, data: y },
    { shape: x.shape, data: sum },
  ];
}

function at(data: Float64Array | Float32Array, index: number): number {
  return data[index] ?? Number.NaN;
}
