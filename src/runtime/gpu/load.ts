// A model file of an output folder → an engine on a device.

import type { SourceFolder } from '../../base/files.ts';
import { verifyModelFiles } from '../../onnx/verify-files.ts';
import type { Model } from '../../ir/graph.ts';
import { elementOf } from '../../wgsl.ts';
import type { Device } from './device.ts';
import { Engine } from './engine.ts';
import { fileBytes, placements } from './placement.ts';
import { planOf } from './plan.ts';
import { uploadWeights } from './weights.ts';

export interface LoadProgress {
  readonly loaded: number;
  readonly total: number;
}

export interface LoadedModel {
  readonly model: Model;
  readonly engine: Engine;
}

/** Checks the files, plans the steps, then copies the weights; nothing is left on the GPU on failure. */
export async function loadModel(
  device: Device,
  models: SourceFolder,
  modelName: string,
  onProgress?: (progress: LoadProgress) => void,
): Promise<LoadedModel> {
  const { model } = await verifyModelFiles(models, modelName);
  return { model, engine: await openEngine(device, model, { models, modelName, onProgress }) };
}

export interface EngineFiles {
  readonly models: SourceFolder;
  readonly modelName: string;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** An engine that runs a model whose weights lie in files. */
export async function openEngine(
  device: Device,
  model: Model,
  { models, modelName, onProgress = () => undefined }: EngineFiles,
): Promise<Engine> {
  const plan = planOf(model);
  const initializers = new Map(model.graph.initializers.map((each) => [each.name, each]));
  const placed = placements(plan, initializers, device.limits);
  const total = [...placed.values()].reduce((sum, each) => sum + fileBytes(each, each.rows), 0);
  let loaded = 0;
  const weights = await uploadWeights(device, models, modelName, placed, (bytes) => {
    loaded += bytes;
    onProgress({ loaded, total });
  });
  const half = [...plan.rows.values()].some(({ dtype }) => dtype === 'float16');
  const cacheElement = elementOf(half ? 'float16' : 'float32', device.limits);
  return new Engine(device, plan, { weights, placements: placed, cacheElement });
}
