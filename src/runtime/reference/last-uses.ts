// How long values live: a run lets go of each when its last reader is done, or memory would grow
// with the number of layers.

import type { Node } from '../../ir/graph.ts';

/** For every node the values that it is the last to name, those to keep left out. */
export function lastUses(
  nodes: readonly Node[],
  kept: readonly string[],
): readonly (readonly string[])[] {
  const seen = new Set(['', ...kept]);
  return nodes
    .toReversed()
    .map(({ inputs, outputs }) => {
      const last = [...new Set([...inputs, ...outputs])].filter((name) => !seen.has(name));
      for (const name of last) seen.add(name);
      return last;
    })
    .toReversed();
}
