// ONNX Runtime as a contestant, used as well as programs use it: the prompt in one call, the logits of
// its last token alone, and a cache that stays on the GPU and goes from one run into the next.

import type * as Ort from 'onnxruntime-node';
import type { Greedy, GreedyRow } from './measure.ts';
import { openSession, type OpenSession } from './onnxruntime.ts';

export type Provider = 'cpu' | 'webgpu';

const cachePattern = /^present\.(\d+)\.(key|value)$/;
const keepInput = 'num_logits_to_keep';

export interface OnnxRuntimeGreedyOptions {
  readonly provider: Provider;
  /** Of the model: each has a cache. */
  readonly layers: number;
}

/** Opens a model file on an execution provider. */
export async function onnxRuntimeGreedy(
  modelPath: string,
  { provider, layers }: OnnxRuntimeGreedyOptions,
): Promise<Greedy> {
  const caches = Array.from({ length: layers }, (_, layer) => [
    `present.${layer}.key`,
    `present.${layer}.value`,
  ]).flat();
  const onGpu = Object.fromEntries(caches.map((name) => [name, 'gpu-buffer' as const]));
  const open = await openSession(modelPath, {
    executionProviders: [provider],
    ...(provider === 'webgpu' && { preferredOutputLocation: onGpu }),
  });
  return {
    name: open.name,
    start: async () => startRow(open),
    close: () => open.session.release(),
  };
}

function startRow({ ort: { Tensor }, session, guard }: OpenSession): GreedyRow {
  let cache = emptyCache(Tensor, session);
  let length = 0;
  return {
    append: async (ids) => {
      const total = length + ids.length;
      const feeds = {
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
        attention_mask: new Tensor('int64', new BigInt64Array(total).fill(1n), [1, total]),
        ...(session.inputNames.includes(keepInput) && {
          [keepInput]: new Tensor('int64', [1n], []),
        }),
        ...cache,
      };
      const { logits, ...present } = await guard(() => session.run(feeds));
      dispose(cache);
      cache = Object.fromEntries(
        Object.entries(present).map(([name, tensor]) => [
          name.replace(cachePattern, 'past_key_values.$1.$2'),
          tensor as Ort.Tensor,
        ]),
      );
      length = total;
      return largest(logits as Ort.Tensor);
    },
    close: async () => dispose(cache),
  };
}

type Cache = Readonly<Record<string, Ort.Tensor>>;

function emptyCache(Tensor: Ort.TensorConstructor, session: Ort.InferenceSession): Cache {
  const caches: [string, Ort.Tensor][] = [];
  for (const meta of session.inputMetadata) {
    if (!meta.isTensor || !meta.name.startsWith('past_key_values.')) continue;
    const [, heads = 0, , headDim = 0] = meta.shape.map(Number);
    const shape = [1, heads, 0, headDim];
    const half = meta.type === 'float16';
    const empty = half
      ? new Tensor('float16', new Uint16Array(), shape)
      : new Tensor('float32', new Float32Array(), shape);
    caches.push([meta.name, empty]);
  }
  return Object.fromEntries(caches);
}

function dispose(cache: Cache): void {
  for (const tensor of Object.values(cache)) {
    if (tensor.location === 'gpu-buffer') tensor.dispose();
  }
}

/** The id of the last row's largest logit. */
function largest({ data, dims }: Ort.Tensor): number {
  const width = dims.at(-1) ?? 0;
  const row = (data as Float32Array).subarray(-width);
  let best = 0;
  for (let id = 1; id < row.length; id++) if ((row[id] ?? 0) > (row[best] ?? 0)) best = id;
  return best;
}
