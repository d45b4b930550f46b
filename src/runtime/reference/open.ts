// The reference runtime: a whole exported graph of either target by the fused operators' references
// and the standard operators in plain loops, in double precision. Slow, and there wherever
// JavaScript runs: the truth when other runtimes disagree.

import type { SourceFolder } from '../../base/files.ts';
import type { Runner } from '../../base/runner.ts';
import { storedWeights } from '../../onnx/stored-weights.ts';
import { verifyModelFiles } from '../../onnx/verify-files.ts';
import { openReference } from './runner.ts';

/** Opens a model file of a folder, with its data files beside it, after checking them. */
export async function openReferenceFile(folder: SourceFolder, modelName: string): Promise<Runner> {
  const { model } = await verifyModelFiles(folder, modelName);
  const weights = storedWeights(folder, modelName);
  try {
    return await openReference(model, (initializer) => weights.read(initializer));
  } finally {
    await weights.close();
  }
}
