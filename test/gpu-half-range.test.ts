// On our own GPU runtime: values that half cannot hold are lost in a file that nobody checked, and
// kept in one where they stay float32.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelPaths } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { exaggerated, exaggerations } from './beyond-half.ts';
import { goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { storeFiles } from './output-folder.ts';
import { differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const device = sharedDevice();

/** How far a model in fp16 is on the GPU from fp32 on the reference. */
async function difference(
  name: string,
  folder: string,
  options: Pick<ConvertOptions, 'target' | 'fp16Check'>,
): Promise<number> {
  const sink = memorySink();
  await convert(await openFolder(folder), sink, { dtypes: ['fp32', 'fp16'], ...options });
  const models = await openFolder(join(storeFiles(sink.files), 'onnx'));
  const file = modelPaths.fp16.replace('onnx/', '');
  const { model, engine } = await loadModel(device(), models, file);
  const wanted = await openReferenceFile(models, 'model.onnx');
  return await differenceOf([wanted, gpuRunner(engine, model)], await opened(name));
}

const timeout = 120_000;

test.each(exaggerations)('$what', { timeout }, async (exaggeration) => {
  const lost = await exaggerated('clm-default', exaggeration);
  const unseen = await difference('clm-default', lost, { target: 'portable', fp16Check: false });
  expect(unseen).not.toBeLessThan(0.1);
  for (const target of ['onnxruntime', 'portable'] as const) {
    for (const name of ['clm-biases-untied', 'cls-three-labels', 'base-model', 'clm-default']) {
      if (name === 'base-model' && exaggeration.name.startsWith('head')) continue;
      const folder = await exaggerated(name, exaggeration);
      const found = await difference(name, folder, { target });
      expect(found, `${name} for ${target}`).toBeLessThan(0.02);
    }
  }
});
