// The runtime that computes a verification.

import { join } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import type { Runner } from '../base/runner.ts';
import { openOnnxRuntime } from '../runtime/onnxruntime.ts';
import { openReferenceFile } from '../runtime/reference/open.ts';
import { openFolder } from '../checkpoint/file-source.ts';
import type { Messages } from './messages.ts';
import type { VerifyFlags } from './program.ts';

/** A function that opens model files of a folder in the runtime of choice. */
export function runtimeOpener(
  choice: VerifyFlags['runtime'],
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
