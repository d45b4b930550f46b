// A classifier or a feature extractor on any runner: texts in batches, each row's own outputs out.

import type { ModernBertDecoderConfig } from '../../base/config.ts';
import type { Encoder } from '../../base/decoding.ts';
import { type Model, modelOf } from '../../base/model.ts';
import type { Runner } from '../../base/runner.ts';
import { batchesOf, leftMask, leftPadded } from './left-padding.ts';

/** An encoder that runs the model of a runner, and closes it with itself. */
export function runnerEncoder(
  runner: Runner,
  config: ModernBertDecoderConfig,
  task: 'text-classification' | 'feature-extraction',
): Encoder {
  const model = modelOf(runner, config, task);
  return {
    name: runner.name,
    maxPositions: config.maxPositions,
    encode: async (rows) => {
      const outputs: Float32Array[] = [];
      for (const batch of batchesOf(rows, (row) => row.length)) {
        outputs.push(...(await encodeBatch(model, batch, Math.max(config.padTokenId, 0))));
      }
      return outputs;
    },
    close: () => runner.close(),
  };
}

async function encodeBatch(
  model: Model,
  rows: readonly (readonly number[])[],
  padId: number,
): Promise<readonly Float32Array[]> {
  const counts = rows.map((row) => row.length);
  const { length, ids } = leftPadded(rows, padId);
  const outputs = await model.run({ batch: rows.length, ids, mask: leftMask(counts, length) });
  return rows.map((row, index) => {
    if (model.task === 'text-classification') return outputs.vector(index, 0);
    const states = row.map((_, at) => outputs.vector(index, length - row.length + at));
    const [{ length: width } = new Float32Array()] = states;
    const joined = new Float32Array(states.length * width);
    for (const [at, state] of states.entries()) joined.set(state, at * width);
    return joined; // [tokens, hidden]
  });
}
