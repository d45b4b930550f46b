// A text cut into windows of one length. Each is a row of its own that begins at position 0, so a
// window needs no cache and every window weighs the same.

import { ToolkitError } from '../base/errors.ts';

export interface Windows {
  /** Tokens of one window. */
  readonly length: number;
  readonly count: number;
  readonly ids: BigInt64Array; // [count, length]
  /** Tokens at the end that fill no window. */
  readonly left: number;
}

/** Cuts the first `limit` tokens. Fails with USAGE where they are fewer than one window. */
export function cutWindows(
  tokens: readonly number[],
  length: number,
  limit: number = tokens.length,
): Windows {
  const available = Math.min(tokens.length, limit);
  const count = Math.floor(available / length);
  if (count === 0) {
    throw new ToolkitError('USAGE', 'the text is shorter than one window', {
      where: { tokens: available, window: length },
      fix: 'give a longer text, or a smaller --window',
    });
  }
  const ids = BigInt64Array.from(tokens.slice(0, count * length), BigInt);
  return { length, count, ids, left: available - count * length };
}
