import { type RealTensor, textOf } from '../../src/op.ts';
import type { Attributes } from '../../src/ir/graph.ts';
import { activationOf } from '../activations.ts';
import { bind } from '../bind.ts';

export function reference(
  inputs: readonly RealTensor[],
  attributes: Attributes,
): readonly RealTensor[] {
  const { x } = bind('GeGLU', ['x'], inputs);
  const { apply } = activationOf(textOf(attributes['activation']));
  const width = (x.shape.at(-1) ?? 0) / 2;
  const data = new Float64Array(x.data.length / 2);
  for (let i = 0; i < data.length; i++) {
    const gate = Math.floor(i / width) * 2 * width + (i % width);
    data[i] = apply(x.data[gate] ?? Number.NaN) * (x.data[gate + width] ?? Number.NaN);
  }
  return [{ shape: [...x.shape.slice(0, -1), width], data }];
}
