import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ettinConfig } from '../../test/task-model.ts';
import type { ModernBertDecoderConfig } from '../base/config.ts';
import { modelPaths, type WeightFormat } from '../base/manifest.ts';
import { readConfig } from '../config/read.ts';
import type { ConvertOptions } from '../convert.ts';
import { peakMemory } from './peak-memory.ts';

const shakespeare = readConfig(
  readFileSync(join(import.meta.dirname, '../../golden/shakespeare/config.json'), 'utf8'),
).config;

const configs: Readonly<Record<string, ModernBertDecoderConfig>> = {
  shakespeare,
  '17m': {
    ...ettinConfig('150m'),
    hiddenSize: 256,
    intermediateSize: 384,
    numHeads: 4,
    layers: ettinConfig('150m').layers.slice(0, 7),
  },
  '150m': ettinConfig('150m'),
  '1b': ettinConfig('1b'),
};

type Options = Pick<ConvertOptions, 'dtypes' | 'quantization' | 'calibration' | 'fp16Check'>;

function estimate(shape: string, options: Options): number {
  const config = configs[shape] ?? shakespeare;
  const files = options.dtypes.map((dtype) => ({ path: modelPaths[dtype], size: 50_000 }));
  const nodes = { total: 0, perLayer: 0, byOp: {} };
  const plan = { config, task: 'text-generation', target: 'onnxruntime', files, nodes } as const;
  return peakMemory(plan, { ...options, threads: 2 });
}

const all: readonly WeightFormat[] = ['fp32', 'fp16', 'q8', 'q4', 'q4f16'];
const codes: readonly WeightFormat[] = ['fp32', 'q8', 'q4'];
const gptq = { quantization: { method: 'gptq' } } as const;

/** Peak resident memory of the command on two cores, in MB: the most that was seen. */
const measured: readonly (readonly [shape: string, options: Options, megabytes: number])[] = [
  ['150m', { dtypes: ['fp32'] }, 122],
  ['150m', { dtypes: ['fp32', 'fp16'], fp16Check: false }, 127],
  ['150m', { dtypes: ['fp32', 'fp16'] }, 186],
  ['150m', { dtypes: all }, 200],
  ['1b', { dtypes: ['fp32'] }, 169],
  ['1b', { dtypes: ['fp32', 'fp16'], fp16Check: false }, 177],
  ['1b', { dtypes: ['fp32', 'fp16'] }, 297],
  ['1b', { dtypes: all }, 281],
  ['shakespeare', { dtypes: codes, ...gptq }, 214],
  ['shakespeare', { dtypes: all, ...gptq }, 229],
  ['17m', { dtypes: codes, ...gptq }, 496],
  ['17m', { dtypes: ['fp32', 'q4'], ...gptq, calibration: 'Once.' }, 332],
  ['17m', { dtypes: codes, ...gptq, calibration: 'Once.' }, 408],
];

test.each(measured)('%s with %j took %i MB, as was estimated', (shape, options, megabytes) => {
  const estimated = estimate(shape, options) / 1e6;
  expect(estimated).toBeGreaterThan(megabytes);
  expect(estimated).toBeLessThan(1.6 * megabytes);
});

describe('more is counted', () => {
  const plain = estimate('17m', { dtypes: codes });

  test('for gptq, and most where the model writes its own text', () => {
    const given = estimate('17m', { dtypes: codes, ...gptq, calibration: 'Once.' });
    const written = estimate('17m', { dtypes: codes, ...gptq });
    expect(given).toBeGreaterThan(plain);
    expect(written).toBeGreaterThan(given);
  });

  test('for codes of both sizes, which are found one after the other', () => {
    const one = estimate('17m', { dtypes: ['q4', 'q4f16'], ...gptq, fp16Check: false });
    const both = estimate('17m', { dtypes: ['q4', 'q8'], ...gptq });
    expect(both).toBeGreaterThan(one);
  });

  test('not where nothing is rounded', () => {
    expect(estimate('17m', { dtypes: ['fp32'], ...gptq })).toBe(
      estimate('17m', { dtypes: ['fp32'] }),
    );
  });
});
