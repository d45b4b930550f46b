// Ids of a golden as plain rows.

import type { Ids } from '../src/validate/golden.ts';

export function idRows({ data, shape: [, length = 1] }: Ids): readonly (readonly number[])[] {
  const ids = [...data].map(Number);
  const starts = Array.from({ length: ids.length / length }, (_, row) => row * length);
  return starts.map((from) => ids.slice(from, from + length));
}
