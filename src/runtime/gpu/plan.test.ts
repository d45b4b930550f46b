import { describe, expect, it } from 'vitest';
import { convertedCase } from '../../../test/converted-case.ts';
import { goldenCases } from '../../../test/golden-case.ts';
import { small } from '../../../test/graph-edits.ts';
import { must } from '../../../test/must.ts';
import { ettinConfig, taskModel } from '../../../test/task-model.ts';
import type { ModernBertDecoderConfig } from '../../base/config.ts';
import { verifyModelFiles } from '../../onnx/verify-files.ts';
import { planOf } from './plan.ts';
import type { Plan, Step } from './steps.ts';

/** A step in a word: what a product does at its end, what a window sees. */
function word(step: Step): string {
  switch (step.kind) {
    case 'product':
      return ['product', step.bias && 'bias', step.activation, step.residual && 'residual']
        .filter(Boolean)
        .join('+');
    case 'attention':
      return step.window < 0 ? 'full' : `window ${step.window}`;
    default:
      return step.kind;
  }
}

function dataOf({ steps, rows, layers, positions, vocabulary, output, host }: Plan): object {
  return { steps, rows, layers, positions, vocabulary, output, ports: host.ports };
}

describe('the plan', () => {
  it('of a layer is five steps and two norms', () => {
    const layer = 'product window product+residual norm product+gelu product+residual norm';
    const sequence = (config: ModernBertDecoderConfig): string =>
      planOf(taskModel(config))
        .steps.map(word)
        .join(' ')
        .replace(/window \d+|full/g, 'window');
    const head = 'product+gelu norm product+bias';
    const last = layer.replace(/norm$/, 'select norm'); // the last norm is of the rows asked for
    const plan = sequence({ ...small, classifierActivation: 'gelu', decoderBias: true });
    expect(plan).toBe(`embed norm ${layer} ${last} ${head}`);
    const { layers } = ettinConfig('150m');
    expect(sequence(ettinConfig('150m'))).toBe(
      ['embed norm', ...layers.slice(1).map(() => layer), last, head].join(' '),
    );
  });

  it.each(goldenCases)('of %s is the same for both targets, and for halves', async (name) => {
    const [one, other] = await Promise.all([
      convertedCase(name, 'onnxruntime'),
      convertedCase(name, 'portable'),
    ]);
    const words = new Set<string>();
    for (const file of ['model.onnx', 'model_fp16.onnx']) {
      const [a, b] = await Promise.all(
        [one, other].map(async (folder) => planOf((await verifyModelFiles(folder, file)).model)),
      );
      const plan = must(a, 'plan');
      expect(dataOf(plan)).toEqual(dataOf(must(b, 'plan')));
      words.add(plan.steps.map(word).join(' '));
      const dtype = file === 'model.onnx' ? 'float32' : 'float16';
      const last = must(plan.rows.get(plan.output.value), 'result');
      const inner = [...plan.rows.values()].filter((rows) => rows !== last);
      expect(new Set(inner.map((rows) => rows.dtype))).toEqual(new Set([dtype]));
    }
    expect(words.size).toBe(1);
  });

  it('writes logits of halves as floats, by the product itself', () => {
    const { rows, output, steps } = planOf(taskModel(small, { dtype: 'fp16' }));
    expect(rows.get(output.value)?.dtype).toBe('float32');
    expect(steps.at(-1)).toMatchObject({ kind: 'product', output: output.value });
  });
});
