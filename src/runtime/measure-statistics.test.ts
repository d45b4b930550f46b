import { describe, expect, it } from 'vitest';
import { ratioOf, spreadOf } from './measure-statistics.ts';

describe('times of rounds', () => {
  it('have a middle, of two the mean, and ends', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 10, 1, 2])).toEqual({ median: 3, min: 1, max: 10 });
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('are compared with their neighbors, whatever the machine does between rounds', () => {
    expect(ratioOf([1, 10, 2], [2, 20, 4])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratioOf([2, 2, 2, 2], [1, 3])).toEqual({ median: 1, min: 0.5, max: 1.5 });
  });
});
