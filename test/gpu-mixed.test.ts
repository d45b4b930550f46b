// Files of several formats: ONNX Runtime, the reference and the GPU read them alike, for both
// targets.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { parseKeepRule } from '../src/quantize/keep.ts';
import { loadModel } from '../src/runtime/gpu/load.ts';
import { gpuRunner } from '../src/runtime/gpu/runner.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { goldenOpener } from './golden-case.ts';
import { sharedDevice } from './gpu.ts';
import { convertCase } from './output-folder.ts';
import { differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const device = sharedDevice();

const mixes = [
  ['embeddings=q8', 'layers.0.*=fp16', 'layers.*.mlp.Wo=q8', 'head=fp32'],
  ['embeddings=fp16', 'layers.*.mlp.*=q8'],
] as const;
const targets: readonly Target[] = ['onnxruntime', 'portable'];
const cases = ['clm-default', 'clm-biases-untied'].flatMap((name) =>
  targets.flatMap((target) => mixes.map((mix) => [name, target, mix.join(' ')] as const)),
);

test.each(cases)(
  '%s for %s with %s means the same everywhere',
  { timeout: 120_000 },
  async (name, target, mix) => {
    const keep = mix.split(' ').map(parseKeepRule);
    for (const format of ['q4', 'q4f16'] as const) {
      const { path, manifest } = await convertCase(name, {
        dtypes: [format],
        target,
        quantization: { accuracyLevel: 0, keep },
        debug: true,
      });
      expect(manifest.quantization?.keep).toEqual(keep);
      const models = await openFolder(join(path, 'onnx'));
      const file = modelPaths[format].replace('onnx/', '');
      const most = format === 'q4f16' ? 2e-2 : 1e-4;
      const { model, engine } = await loadModel(device(), models, file);
      for (const runner of [
        await openOnnxRuntime(join(path, modelPaths[format])),
        gpuRunner(engine, model),
      ]) {
        const reference = await openReferenceFile(models, file);
        expect(await differenceOf([reference, runner], await opened(name))).toBeLessThan(most);
      }
    }
  },
);

test('a mix has the same bytes alone and beside others', async () => {
  const rules = ['layers.0.*=q8', 'q8:embeddings=fp16'].map(parseKeepRule);
  const hashes = async (dtypes: readonly WeightFormat[]): Promise<readonly string[]> => {
    const keep = rules.filter(({ dtype }) => dtype === undefined || dtypes.includes(dtype));
    const { manifest } = await convertCase('clm-default', {
      dtypes,
      target: 'onnxruntime',
      quantization: { keep },
    });
    const models = manifest.outputs.filter(({ path }) => path.startsWith('onnx/'));
    return models.map(({ path, sha256 }) => `${path} ${sha256}`);
  };
  const apart = [...(await hashes(['q8'])), ...(await hashes(['q4']))];
  expect((await hashes(['q8', 'q4'])).toSorted()).toEqual(apart.toSorted());
});
