import { expect, test } from 'vitest';
import { must } from '../../test/must.ts';
import { toyGolden } from '../../test/toy-golden.ts';
import { toyConfig } from '../../test/toy-model.ts';
import type { Side } from './batch.ts';
import { defaultGates } from './gates.ts';
import { Ledger } from './ledger.ts';
import type { Model } from '../base/model.ts';
import { paddedChunks } from './stage-padded-chunks.ts';

/** Ids and masks that a model is fed for the golden's prompt of seven tokens. */
async function fed(side: Side, maxPositions: number): Promise<readonly string[]> {
  const steps: string[] = [];
  const model: Model = {
    task: 'text-generation',
    keepsLast: false,
    run: async ({ ids, mask }) => {
      steps.push(`${ids.join(' ')} | ${mask.join('')}`);
      return { kept: ids.length, cache: new Map(), vector: () => new Float32Array(11) };
    },
  };
  const golden = toyGolden();
  const prompt = must(
    golden.prompts.find(({ name }) => name === 'short'),
    'short',
  );
  expect(prompt.inputIds.data.join(' ')).toBe('1 5 1 9 9 1 5');
  const config = { ...toyConfig(), maxPositions };
  await paddedChunks(model, new Ledger(golden, defaultGates), prompt, side, config);
  return steps;
}

test('every chunk is padded on the side asked for, and the mask keeps all padding', async () => {
  expect(await fed('left', 64)).toEqual(['0 0 0 1 5 1 9 | 0001111', '0 0 0 9 1 5 | 0001111000111']);
  expect(await fed('right', 64)).toEqual([
    '1 5 1 9 0 0 0 | 1111000',
    '9 1 5 0 0 0 | 1111000111000',
  ]);
});

test('padding takes no position that the model lacks', async () => {
  expect(await fed('right', 8)).toEqual(['1 5 1 9 0 0 0 | 1111000', '9 1 5 0 | 11110001110']);
  expect(await fed('right', 7)).toEqual(['1 5 1 9 0 0 0 | 1111000', '9 1 5 | 1111000111']);
});
