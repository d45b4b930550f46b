// Models with values that half floats cannot hold: those values stay float32, and the half formats
// mean what fp32 does; or the conversion is refused.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import { openReferenceFile } from '../src/runtime/reference/open.ts';
import { exaggerated, exaggerations } from './beyond-half.ts';
import { copyOf, editWeights, setValue } from './checkpoint-copy.ts';
import { goldenOpener } from './golden-case.ts';
import { must } from './must.ts';
import { type OutputFolder, storeFiles } from './output-folder.ts';
import { expectAccepted, testRefusals } from './refusal.ts';
import { differenceOf } from './runner-difference.ts';

const opened = goldenOpener();
const targets: readonly Target[] = ['onnxruntime', 'portable'];

async function converted(folder: string, options: ConvertOptions): Promise<OutputFolder> {
  const sink = memorySink();
  const manifest = await convert(await openFolder(folder), sink, { debug: true, ...options });
  return { path: storeFiles(sink.files), manifest };
}

/** How far a format is from fp32 on ONNX Runtime, and on the reference. */
async function differences(
  { path }: OutputFolder,
  format: WeightFormat,
  opening: { readonly config: ModernBertDecoderConfig; readonly task: Task },
): Promise<readonly number[]> {
  const models = await openFolder(join(path, 'onnx'));
  const wanted = async () => await openReferenceFile(models, 'model.onnx');
  const found = [
    await openOnnxRuntime(join(path, modelPaths[format])),
    await openReferenceFile(models, modelPaths[format].replace('onnx/', '')),
  ];
  return await Promise.all(
    found.map(async (runner) => await differenceOf([await wanted(), runner], opening)),
  );
}

function dtypeIn({ path }: OutputFolder, name: string): string | undefined {
  const { graph } = decodeModel(readFileSync(join(path, modelPaths.fp16)));
  return graph.values.find((value) => value.name === name)?.type.dtype;
}

const close = { fp16: 0.02, q4f16: 0.6 } as const;

describe.each(exaggerations)('$what', (exaggeration) => {
  test.each(targets)('stay float32 beside halves, for %s', async (target) => {
    for (const name of ['clm-biases-untied', 'cls-three-labels', 'shakespeare']) {
      const folder = await exaggerated(name, exaggeration);
      const options = { dtypes: ['fp32', 'fp16', 'q4f16'], target } as const;
      const checked = await converted(folder, options);
      const names = (checked.manifest.floatValues ?? []).map((value) => value.name);
      expect(names.some((each) => each.endsWith(exaggeration.name))).toBe(true);
      expect(checked.manifest.warnings.join()).toContain('stay float32 in fp16 and q4f16');
      const opening = await opened(name);
      for (const format of ['fp16', 'q4f16'] as const) {
        for (const difference of await differences(checked, format, opening)) {
          expect([name, format, difference < close[format], difference]).toContain(true);
        }
      }
    }
  });

  test('are halves where nobody looks', async () => {
    const folder = await exaggerated('clm-default', exaggeration);
    const options = { dtypes: ['fp16'], target: 'portable' } as const;
    const [checked, plain] = [
      await converted(folder, options),
      await converted(folder, { ...options, fp16Check: false }),
    ];
    expect(plain.manifest.floatValues).toBeUndefined();
    for (const { name } of checked.manifest.floatValues ?? []) {
      expect([name, dtypeIn(checked, name), dtypeIn(plain, name)]).toEqual([
        name,
        'float32',
        'float16',
      ]);
    }
  });
});

testRefusals([
  ...exaggerations.map(({ what, change, name }) => ({
    what: `${what}, with --strict-fp16`,
    damage: async (folder: string) => await editWeights(folder, change),
    args: ['--dtype', 'q4f16', '--strict-fp16'],
    status: 65,
    code: 'HALF_OVERFLOW' as const,
    says: [name, '32752', '--strict-fp16'],
  })),
  {
    what: 'keys that half cannot hold',
    damage: async (folder) => {
      await editWeights(folder, (tensors) => {
        setValue(tensors, 'model.layers.1.attn.k_proj.weight', 3, 2 ** 17);
      });
    },
    args: ['--dtype', 'fp16'],
    status: 65,
    code: 'HALF_OVERFLOW',
    says: ['layers.1.attn.qkv', 'fp32'],
  },
]);

test('a model that half holds is what it is without the check', async () => {
  const folder = copyOf();
  const [checked, plain] = [
    await expectAccepted(folder, '--dtype', 'fp16,q4f16'),
    await expectAccepted(folder, '--dtype', 'fp16,q4f16', '--no-fp16-check'),
  ];
  expect(checked.manifest).toEqual(plain.manifest);
  expect(checked.warnings).toEqual([]);
});

test('a conversion says which values stay float32, once', async () => {
  const [sums] = exaggerations;
  const folder = await exaggerated('clm-default', must(sums, 'an exaggeration'));
  const { warnings, manifest } = await expectAccepted(folder, '--dtype', 'fp16');
  expect(warnings).toEqual([
    expect.stringMatching(/^values beyond half of the range of float16 stay float32 in fp16: /),
  ]);
  expect(manifest.floatValues?.[0]?.largest).toBeGreaterThan(32_752);
});
