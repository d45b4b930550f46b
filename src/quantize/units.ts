// The units that a format is chosen for, weights that one product holds: their names as rules, and
// what they take in a format.

import type { BlockScheme } from '../ir/graph.ts';
import { blocksPerRow, codeBytes, type MatrixSize } from './block-rows.ts';
import { weightName } from './keep.ts';
import type { WeightForm } from './settings.ts';

/** The pattern of `--keep` that means some tensors of a layer or a head, or the token table. */
export function patternOf(tensors: readonly string[]): string {
  const [first = '', ...others] = tensors.map(weightName);
  if (first === 'embeddings.tok_embeddings') return 'embeddings';
  if (others.length === 0) return first;
  const isCommon = (part: string): boolean => others.every((name) => name.startsWith(part));
  let start = first.length;
  while (!isCommon(first.slice(0, start))) start--;
  const endsAlike = (part: string): boolean => others.every((name) => name.endsWith(part));
  let end = start;
  while (!endsAlike(first.slice(end))) end++;
  return `${first.slice(0, start)}*${first.slice(end)}`;
}

/** Bytes of a weight in a form. */
export function bytesIn(form: WeightForm, size: MatrixSize): number {
  if (form === 'float32') return 4 * size.rows * size.columns;
  if (form === 'float16') return 2 * size.rows * size.columns;
  return size.rows * rowBytes(form, size.columns);
}

/** Codes, scales in half, and zero points where there are any. */
function rowBytes(scheme: BlockScheme, columns: number): number {
  const blocks = blocksPerRow(columns, scheme);
  const zeros = scheme.symmetric ? 0 : Math.ceil((blocks * scheme.bits) / 8);
  return codeBytes(columns, scheme) + 2 * blocks + zeros;
}
