// Rounds the weights of several models of one checkpoint: those that ask for the same codes share
// one run.

import type { BlockScheme, Graph } from '../ir/graph.ts';
import type { RoundedWeights } from '../quantize/rounded.ts';
import { type Calibration, roundWeights, type Schemes } from './round.ts';

/** Rounds what the graphs keep as codes. */
export async function roundModels(
  calibration: Omit<Calibration, 'onRounded'>,
  graphs: readonly Graph[],
  onProgress: (done: number, total: number) => void,
): Promise<RoundedWeights> {
  const all = graphs.map(schemesOf).filter((schemes) => schemes.size > 0);
  const runs = [...new Map(all.map((schemes) => [JSON.stringify([...schemes]), schemes])).values()];
  const total = runs.reduce((sum, { size }) => sum + size, 0);
  const found: RoundedWeights[] = [];
  let done = 0;
  onProgress(0, total);
  for (const schemes of runs) {
    const onRounded = (): void => onProgress(++done, total);
    found.push(await roundWeights({ ...calibration, onRounded }, schemes));
  }
  return new Map(found.flatMap((weights) => [...weights]));
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
