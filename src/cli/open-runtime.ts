// The runtime that computes: a verification, a text, a label.

import { join } from 'node:path';
import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import type { Decoder, Encoder } from '../base/decoding.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Runner } from '../base/runner.ts';
import { gpuDecoder } from '../runtime/gpu/decoder.ts';
import { gpuRunner } from '../runtime/gpu/runner.ts';
import { type LoadedModel, loadModel } from '../runtime/gpu/load.ts';
import { openOnnxRuntime } from '../runtime/onnxruntime.ts';
import { openReferenceFile } from '../runtime/reference/open.ts';
import { runnerDecoder } from '../runtime/text/runner-decoder.ts';
import { runnerEncoder } from '../runtime/text/runner-encoder.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import type { Messages } from './messages.ts';
import type { RuntimeChoice } from './options.ts';
import { nativeDevice } from './vulkan-driver.ts';

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
  return await firstAvailable(choice, messages, {
    webgpu: async () => {
      const { engine, close } = await onGpu(folder, name);
      return { ...gpuDecoder(engine), close };
    },
    onnxruntime: async () => runnerDecoder(await openOnnxRuntime(join(folder, name)), config),
    reference: async () => runnerDecoder(await onReference(folder, name), config),
  });
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
  return (name) =>
    firstAvailable(choice, messages, {
      webgpu: async () => {
        const { engine, model, close } = await onGpu(folder, name);
        const runner = gpuRunner(engine, model);
        return {
          ...runner,
          close: async () => {
            await runner.close();
            await close();
          },
        };
      },
      onnxruntime: () => openOnnxRuntime(join(folder, name)),
      reference: () => onReference(folder, name),
    });
}

type Openers<T> = Readonly<Record<Exclude<RuntimeChoice, 'auto'>, () => Promise<T>>>;

/** In the order of preference: the fastest, what most users deploy, what is always there. */
const runtimes = ['webgpu', 'onnxruntime', 'reference'] as const;

/** Opens what was chosen; `auto` is the first runtime that is there. */
async function firstAvailable<T>(
  choice: RuntimeChoice,
  messages: Messages,
  openers: Openers<T>,
): Promise<T> {
  if (choice !== 'auto') return await openers[choice]();
  for (const [index, runtime] of runtimes.entries()) {
    try {
      return await openers[runtime]();
    } catch (error) {
      const next = runtimes[index + 1];
      const isMissing = error instanceof ToolkitError && error.code === 'RUNTIME_MISSING';
      if (!isMissing || next === undefined) throw error;
      messages.warn(`${error.message}; ${next} computes`);
    }
  }
  throw new TypeError('the last runtime is always there');
}

async function onReference(folder: string, name: string): Promise<Runner> {
  return await openReferenceFile(await openFolder(folder), name);
}

/** A model on the machine's GPU, with a device of its own. */
async function onGpu(
  folder: string,
  name: string,
): Promise<LoadedModel & { readonly close: () => Promise<void> }> {
  const device = await nativeDevice();
  try {
    const loaded = await loadModel(device, await openFolder(folder), name);
    return {
      ...loaded,
      close: async () => {
        loaded.engine.destroy();
        device.destroy();
      },
    };
  } catch (error) {
    device.destroy();
    throw error;
  }
}
