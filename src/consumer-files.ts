// The files beside the models: what consumers of the output read to find and to drive them.

import { takesHeads } from '../ops/fused-attention/contrib.ts';
import { isHalf, modelPaths, type Target, type WeightFormat } from './base/manifest.ts';
import type { Asset } from './checkpoint/assets.ts';
import { parseObject } from './checkpoint/json-asset.ts';
import { genaiConfig } from './config/genai-config.ts';
import { withConsumerSettings } from './config/write.ts';
import type { Source } from './model/source.ts';
import { planFiles, type WriteJob } from './onnx/write-model.ts';

interface ConsumerOptions {
  readonly dtypes: readonly WeightFormat[];
  readonly target: Target;
  readonly singleFile?: boolean;
}

/** The checkpoint's own small files, and those made for consumers. */
export function consumerFiles(
  source: Source,
  jobs: readonly WriteJob[],
  options: ConsumerOptions,
): readonly Asset[] {
  const made = [asset('config.json', configText(source, jobs, options))];
  if (source.task === 'text-generation') {
    made.push(asset('genai_config.json', genaiText(source, options)));
  }
  return [...made, ...source.assets];
}

/** config.json says how many data files each model has. */
function configText(
  { configText: text, raw }: Source,
  jobs: readonly WriteJob[],
  options: ConsumerOptions,
): string {
  const dataFiles = jobs.map((job) => {
    const name = job.path.replace('onnx/', '');
    return [name, planFiles(job, options).files.length - 1] as const;
  });
  return withConsumerSettings(text, raw, {
    dataFiles: Object.fromEntries(dataFiles.filter(([, count]) => count > 0)),
    cacheDTypes: Object.fromEntries(
      options.dtypes.filter(isHalf).map((dtype) => [dtype, 'float16']),
    ),
  });
}

/** genai_config.json names one model: the first that was asked for. */
function genaiText(
  { config, raw, assets }: Source,
  { dtypes: [dtype = 'fp32'], target }: ConsumerOptions,
): string {
  const recommended = assets.find(({ name }) => name === 'generation_config.json');
  const generation = recommended
    ? parseObject(recommended.name, recommended.bytes, 'JSON_SYNTAX')
    : {};
  return genaiConfig(
    { config, fields: raw, generation },
    {
      file: modelPaths[dtype],
      inPlace: target === 'onnxruntime' && takesHeads(config.headDim),
    },
  );
}

function asset(name: string, text: string): Asset {
  return { name, bytes: new TextEncoder().encode(text) };
}
