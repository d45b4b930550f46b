import { expect, test } from 'vitest';
import { testDevice, worstOf } from '../../../test/gpu.ts';
import { must } from '../../../test/must.ts';
import { noiseFolder, noiseName, tinyConfig } from '../../../test/noise-model.ts';
import { modelOf, taskModel } from '../../../test/task-model.ts';
import type { Decoder } from '../../base/decoding.ts';
import { fusedRules } from '../../model/build.ts';
import { quantize } from '../../passes/quantize.ts';
import { openReferenceFile } from '../reference/open.ts';
import { runnerDecoder } from '../text/runner-decoder.ts';
import { gpuDecoder } from './decoder.ts';
import { loadModel } from './load.ts';

/** Rows of three blocks of four bits: in the file every other row begins within a byte. */
const config = { ...tinyConfig, hiddenSize: 48, numHeads: 6, maxPositions: 100 };
const scheme = { bits: 4, blockSize: 16, symmetric: false } as const;

async function logitsOf(decoder: Decoder): Promise<Float32Array> {
  const decoding = await decoder.start(1);
  const [row] = await decoding.append([[3, 700, 341, 339]], { count: 1, repetitionPenalty: 1 });
  const logits = await must(row, 'row').all();
  await decoder.close();
  return logits;
}

test('zero points of rows that share bytes are read in parts of a table, too', async () => {
  const pass = quantize(fusedRules, { target: 'portable', formOf: () => scheme, accuracyLevel: 0 });
  const folder = noiseFolder(modelOf(pass(taskModel(config).graph)));
  const device = await testDevice({ most: { bindingBytes: 8192 } });
  const loads: [number, number][] = [];
  const { engine } = await loadModel(device, folder, noiseName, ({ loaded, total }) =>
    loads.push([loaded, total]),
  );
  const [loaded, total] = must(loads.at(-1), 'load');
  expect(loaded).toBe(total);
  const want = await logitsOf(runnerDecoder(await openReferenceFile(folder, noiseName), config));
  const got = await logitsOf(gpuDecoder(engine));
  expect(worstOf(got, want)).toBeLessThan(2e-4);
  device.destroy();
});
