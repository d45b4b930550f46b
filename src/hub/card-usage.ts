// The section of a model card that says how to use its models in four runtimes.

import type { Task } from '../base/config.ts';
import {
  isHalf,
  type Manifest,
  modelPaths,
  type WeightFormat,
  weightFormats,
} from '../base/manifest.ts';
import { onnxRuntimeJs, ownRuntime, transformersJs } from './card-javascript.ts';
import { onnxRuntimePython } from './card-python.ts';

/** What the programs of a card are made for. */
export interface Usage {
  /** `owner/name` */
  readonly id: string;
  /** `name`: the folder of a copy. */
  readonly name: string;
  readonly task: Task;
  readonly dtype: WeightFormat;
  /** Path of the model. */
  readonly file: string;
  /** Whether the cache is in half floats. */
  readonly half: boolean;
  /** A prompt without quotes. */
  readonly text: string;
}

/** The most exact format of a folder: the one that programs load when nobody asks for another. */
export function defaultDtype({ dtypes }: Pick<Manifest, 'dtypes'>): WeightFormat {
  return weightFormats.find((dtype) => dtypes.includes(dtype)) ?? 'fp32';
}

/** The section; models without a tokenizer beside them take token ids, which nobody writes by hand. */
export function usageSection(manifest: Manifest, id: string): string {
  const has = (name: string): boolean => manifest.outputs.some(({ path }) => path === name);
  if (!has('tokenizer.json') || !has('tokenizer_config.json')) {
    return '## Usage\n\nThere is no tokenizer in this repository: the models take token ids.\n';
  }
  const dtype = defaultDtype(manifest);
  const { task } = manifest;
  const usage: Usage = {
    id,
    name: id.slice(id.indexOf('/') + 1),
    task,
    dtype,
    file: modelPaths[dtype],
    half: isHalf(dtype),
    text: task === 'text-classification' ? 'What a lovely day' : 'Once upon a time',
  };
  return `\
## Usage

### transformers.js

With \`@huggingface/transformers\` 4 or later:

${block('js', transformersJs(usage))}
### ONNX Runtime in Python

With \`onnxruntime\` 1.24 or later, \`tokenizers\` and \`huggingface_hub\`:

${block('python', onnxRuntimePython(usage))}
### ONNX Runtime in Node

With \`onnxruntime-node\` 1.24 or later and \`@huggingface/tokenizers\`, on a copy of this repository (\`hf download ${id} --local-dir ${usage.name}\`):

${block('js', onnxRuntimeJs(usage))}
### modernbert-onnx

${commandLine(usage)}In a program, on the GPU; for a browser the functions come from \`modernbert-onnx/runtime\`:

${block('js', ownRuntime(usage))}`;
}

function commandLine({ name, task, dtype, text }: Usage): string {
  if (task === 'feature-extraction') return '';
  const run =
    task === 'text-generation'
      ? `generate ./${name} "${text}" --max-new-tokens 20`
      : `classify ./${name} "${text}"`;
  return `On a copy too:\n\n${block('sh', `npx modernbert-onnx ${run} --dtype ${dtype}`)}\n`;
}

function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\`\n`;
}
