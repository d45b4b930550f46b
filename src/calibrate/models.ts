// Rounds the weights of several models of one checkpoint: those that ask for the same codes share
// one run. Codes suit the weights rounded before them, so the same tensor has other codes in another
// mix of schemes: recipes say which mix they belong to.

import type { BlockScheme, Graph, Initializer } from '../ir/graph.ts';
import { type RoundedWeight, type RoundedWeights, weightKey } from '../quantize/rounded.ts';
import { type Calibration, roundWeights, type Schemes } from './round.ts';

/** The graphs with recipes that say their mixes; graphs that are mixed alike have one. */
export function withMixes(graphs: readonly Graph[]): readonly Graph[] {
  const keys = graphs.map((graph) => JSON.stringify([...schemesOf(graph)]));
  const mixes = [...new Set(keys)];
  return graphs.map((graph, i) => {
    const mix = mixes.indexOf(keys[i] ?? '');
    return { ...graph, initializers: graph.initializers.map((each) => inMix(each, mix)) };
  });
}

function inMix(initializer: Initializer, mix: number): Initializer {
  const { recipe } = initializer;
  return recipe.kind === 'blocks' ? { ...initializer, recipe: { ...recipe, mix } } : initializer;
}

/** Rounds what the graphs keep as codes. */
export async function roundModels(
  calibration: Omit<Calibration, 'onRounded'>,
  graphs: readonly Graph[],
  onProgress: (done: number, total: number) => void,
): Promise<RoundedWeights> {
  const runs = new Map(graphs.map((graph) => [mixOf(graph), schemesOf(graph)] as const));
  const total = [...runs.values()].reduce((sum, { size }) => sum + size, 0);
  const found = new Map<string, RoundedWeight>();
  let done = 0;
  onProgress(0, total);
  for (const [mix, schemes] of runs) {
    if (schemes.size === 0) continue;
    const onRounded = (): void => onProgress(++done, total);
    const weights = await roundWeights({ ...calibration, onRounded }, schemes);
    for (const [tensor, scheme] of schemes) {
      const weight = weights.get(weightKey(scheme, tensor));
      if (weight) found.set(weightKey(scheme, tensor, mix), weight);
    }
  }
  return found;
}

/** How each tensor of a graph is cut into blocks, where it is. */
function schemesOf({ initializers }: Graph): Schemes {
  return new Map(
    initializers.flatMap(({ recipe }): readonly (readonly [string, BlockScheme])[] => {
      if (recipe.kind !== 'blocks' || recipe.part !== 'codes') return [];
      return recipe.tensors.map((tensor) => [tensor, recipe.scheme] as const);
    }),
  );
}

/** Of a graph without codes, one that no codes have. */
function mixOf({ initializers }: Graph): number {
  const mixes = initializers.flatMap(({ recipe }) =>
    recipe.kind === 'blocks' ? [recipe.mix ?? 0] : [],
  );
  return mixes[0] ?? -1;
}
