import { expect, test } from 'vitest';
import type { BlockScheme, Graph, Initializer } from '../ir/graph.ts';
import { withMixes } from './models.ts';

const scheme = (bits: 4 | 8): BlockScheme => ({ bits, blockSize: 32, symmetric: bits === 8 });

const codes = (tensor: string, bits: 4 | 8): Initializer => ({
  name: `${tensor}.codes`,
  type: { dtype: 'uint8', shape: [1, 1, (bits * 32) / 8] },
  recipe: { kind: 'blocks', part: 'codes', tensors: [tensor], scheme: scheme(bits) },
});

const graph = (...initializers: readonly Initializer[]): Graph => ({
  name: 'test',
  inputs: [],
  outputs: [],
  initializers,
  nodes: [],
  values: [],
});

test('the same codes belong to another mix where weights beside them are kept otherwise', () => {
  const mixed = withMixes([
    graph(codes('a', 4), codes('b', 8)),
    graph(codes('a', 8), codes('b', 8)),
    graph(codes('a', 4), codes('b', 8)),
  ]);
  const mixes = mixed.map(({ initializers }) =>
    initializers.map(({ recipe }) => (recipe.kind === 'blocks' ? recipe.mix : undefined)),
  );
  expect(mixes).toEqual([
    [0, 0],
    [1, 1],
    [0, 0],
  ]);
});
