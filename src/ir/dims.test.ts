import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dim } from '../base/tensors.ts';
import {
  axisOf,
  broadcast,
  compatible,
  type Dims,
  mergeDims,
  product,
  ShapeError,
} from './dims.ts';

/** The sizes that names stand for in the properties. */
const sizes: Readonly<Record<string, number>> = { one: 1, two: 2, three: 3 };

const size = (dim: Dim): number => (typeof dim === 'string' ? (sizes[dim] ?? 0) : Number(dim));
const known = fc.constantFrom<Dim>(1, 2, 3, 'one', 'two', 'three');
const shape = fc.array(known, { maxLength: 4 });

/** The result, or undefined where a rule is broken. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

describe('broadcasting', () => {
  test('of names and sizes never contradicts that of the sizes', () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        const exact = attempt(() => broadcast(a.map(size), b.map(size)));
        const found = attempt(() => broadcast(a, b));
        if (exact === undefined) return; // names may hide that it fails
        expect(found).toBeDefined();
        const stated = (found ?? []).map((dim) => (dim === null ? null : size(dim)));
        expect(compatible(stated, exact)).toBe(true);
      }),
    );
  });

  test('does not depend on the order', () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(attempt(() => broadcast(a, b))).toEqual(attempt(() => broadcast(b, a)));
      }),
    );
  });

  test.each<readonly [Dims, Dims, Dims]>([
    [[], ['b', 4], ['b', 4]],
    [['b', 1], [4], ['b', 4]],
    [['b'], [4], [4]],
    [['b'], ['s'], [null]],
    [[null], [4], [4]],
    [['b'], ['b'], ['b']],
    [[0], [1], [0]],
  ])('of %j and %j gives %j', (a, b, result) => {
    expect(broadcast(a, b)).toEqual(result);
  });

  test('of unequal sizes breaks a rule', () => {
    expect(() => broadcast([2, 3], [2, 2])).toThrow('3 and 2 do not broadcast');
  });
});

describe('merging', () => {
  test('keeps what is known most exactly, and of two names the second', () => {
    expect(mergeDims([null, 'b', 3, 'b', null], ['s', 's', 's', 4, null], 'x')).toEqual([
      's',
      's',
      3,
      4,
      null,
    ]);
  });

  test('refuses what cannot be', () => {
    expect(() => mergeDims([2], [3], 'x')).toThrow('x: 2 is not 3');
    expect(() => mergeDims([2], [2, 1], 'x')).toThrow('x: rank 1 is not 2');
  });

  test('succeeds where the shapes are compatible, and only there', () => {
    const any = fc.array(fc.option(known, { nil: null }), { maxLength: 3 });
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(attempt(() => mergeDims(a, b, 'x')) !== undefined).toBe(compatible(a, b));
      }),
    );
  });
});

test.each<readonly [Dims, Dim]>([
  [[], 1],
  [[2, 3], 6],
  [['b'], 'b'],
  [[1, 'b', 1], 'b'],
  [['b', 2], null],
  [['b', null, 0], 0],
  [[null], null],
])('the product of %j is %j', (dims, result) => {
  expect(product(dims)).toBe(result);
});

test('axes count from either end', () => {
  expect([axisOf(0, 3), axisOf(-1, 3), axisOf(-3, 3)]).toEqual([0, 2, 0]);
  for (const axis of [3, -4]) expect(() => axisOf(axis, 3)).toThrow(`axis ${axis} of rank 3`);
});
