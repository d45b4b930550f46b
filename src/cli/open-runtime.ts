// The runtime that computes: a verification, a text, a label.

import { join } from 'node:path';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { Decoder, Encoder } from '../base/decoding.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Runner } from '../base/runner.ts';
import { openOnnxRuntime } from '../runtime/onnxruntime.ts';
import { openReferenceFile } from '../runtime/reference/open.ts';
import { runnerDecoder } from '../runtime/runner-decoder.ts';
import { runnerEncoder } from '../runtime/runner-encoder.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import type { Messages } from './messages.ts';
import type { RuntimeChoice } from './options.ts';

/** A model file of an output folder. */
export interface ModelFile {
  /** The path of the models' folder. */
  readonly folder: string;
  readonly name: string;
  readonly config: ModernBertDecoderConfig;
  readonly task: Task;
}

/** Opens a language model for the continuation of texts. */
export async function openDecoder(
  choice: RuntimeChoice,
  { folder, name, config }: ModelFile,
  messages: Messages,
): Promise<Decoder> {
  return runnerDecoder(await runtimeOpener(choice, folder, messages)(name), config);
}

/** Opens a classifier or a feature extractor. */
export async function openEncoder(
  choice: RuntimeChoice,
  { folder, name, config, task }: ModelFile,
  messages: Messages,
): Promise<Encoder> {
  if (task === 'text-generation') throw new TypeError('a language model is no encoder');
  return runnerEncoder(await runtimeOpener(choice, folder, messages)(name), config, task);
}

/** A function that opens model files of a folder in the runtime of choice. */
export function runtimeOpener(
  choice: RuntimeChoice,
  folder: string,
  messages: Messages,
): (modelName: string) => Promise<Runner> {
  const onnxruntime = (name: string): Promise<Runner> => openOnnxRuntime(join(folder, name));
  const reference = async (name: string): Promise<Runner> =>
    await openReferenceFile(await openFolder(folder), name);
  switch (choice) {
    case 'onnxruntime':
      return onnxruntime;
    case 'reference':
      return reference;
    case 'webgpu':
      return () => Promise.reject(noWebGpu());
    case 'auto':
      return async (name) => {
        try {
          return await onnxruntime(name);
        } catch (error) {
          if (!(error instanceof ToolkitError) || error.code !== 'RUNTIME_MISSING') throw error;
          messages.warn(`${error.message}; the reference operators compute, which is slow`);
          return await reference(name);
        }
      };
    default:
      return choice satisfies never;
  }
}

function noWebGpu(): ToolkitError {
  return new ToolkitError('RUNTIME_MISSING', 'this version has no WebGPU runtime', {
    fix: 'choose --runtime onnxruntime or --runtime reference',
  });
}
