// What ONNX Runtime in Node computes, as a golden for another runtime.

import type { ModernBertDecoderConfig, Task } from '../src/base/config.ts';
import { modelOf } from '../src/base/model.ts';
import { openOnnxRuntime } from '../src/runtime/onnxruntime.ts';
import type { Golden, GoldenPrompt } from '../src/validate/golden.ts';

/** The logits of a model file behind every token of the prompts. */
export async function nodeGolden(
  path: string,
  { config, task }: { readonly config: ModernBertDecoderConfig; readonly task: Task },
  prompts: readonly BigInt64Array[],
): Promise<Golden> {
  const runner = await openOnnxRuntime(path);
  const model = modelOf(runner, config, task);
  const recorded: GoldenPrompt[] = [];
  for (const ids of prompts) {
    const shape = [1, ids.length];
    const mask = ids.map(() => 1n);
    const { vector } = await model.run({ batch: 1, ids, mask });
    const rows = Array.from(ids, (_, position) => [...vector(0, position)]);
    recorded.push({
      name: `${ids.length} tokens`,
      inputIds: { dtype: 'int64', shape, data: ids },
      attentionMask: { dtype: 'int64', shape, data: mask },
      logits: {
        dtype: 'float32',
        shape: [...shape, config.vocabSize],
        data: Float32Array.from(rows.flat()),
      },
    });
  }
  await runner.close();
  return { task, prompts: recorded, metadata: new Map() };
}
