import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goldenOpener } from '../../../test/golden-case.ts';
import { must } from '../../../test/must.ts';
import { convertCase, goldenOf } from '../../../test/output-folder.ts';
import type { Encoder } from '../../base/decoding.ts';
import { rowsOf } from '../../validate/prompt.ts';
import { openOnnxRuntime } from '../onnxruntime.ts';
import { runnerEncoder } from './runner-encoder.ts';

const open = goldenOpener();

async function encoderOf(
  name: string,
  task: 'text-classification' | 'feature-extraction',
): Promise<Encoder> {
  const { path } = await convertCase(name, { dtypes: ['fp32'], target: 'onnxruntime' });
  const { config } = await open(name);
  return runnerEncoder(await openOnnxRuntime(join(path, 'onnx/model.onnx')), config, task);
}

describe.each([
  ['shakespeare-mood', 'text-classification'],
  ['cls-three-labels', 'text-classification'],
  ['base-model', 'feature-extraction'],
] as const)('%s', (name, task) => {
  it('gives every row of a batch what transformers gives', async () => {
    const { prompts } = await goldenOf(name);
    const rows = prompts.flatMap(rowsOf);
    const encoder = await encoderOf(name, task);
    const outputs = await encoder.encode(rows.map(({ ids }) => ids.map(Number)));
    await encoder.close();
    expect(outputs).toHaveLength(rows.length);
    for (const [index, { ids, expected }] of rows.entries()) {
      const output = must(outputs[index], 'output');
      for (const [position, values] of expected) {
        const at = task === 'text-classification' ? 0 : position * values.length;
        const gaps = values.map((value, i) => Math.abs(value - (output[at + i] ?? Number.NaN)));
        expect(Math.max(...gaps)).toBeLessThan(1e-4);
      }
      const width = must(expected.get(ids.length - 1), 'last position').length;
      const vectors = task === 'text-classification' ? 1 : ids.length;
      expect(output.length).toBe(vectors * width);
    }
  });
});
