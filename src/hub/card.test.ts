import { describe, expect, test } from 'vitest';
import type { RecordedComparison } from '../base/manifest.ts';
import {
  cardOf,
  facts,
  manifest,
  revision,
  verification,
  yamlOf,
} from '../../test/hub/model-cards.ts';
import { modelCard } from './card.ts';

/** The lines of a section that are a table. */
function tableOf(card: string, section: string): readonly string[] {
  const text = card.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  return text.split('\n').filter((line) => line.startsWith('|'));
}

describe('the YAML of a card', () => {
  test.each(['text-generation', 'text-classification', 'feature-extraction'] as const)(
    'tells the Hub what the models are: %s',
    (task) => {
      expect(yamlOf(cardOf({ task }))).toEqual({
        library_name: 'transformers.js',
        pipeline_tag: task,
        base_model: 'org/ettin',
        base_model_revision: revision,
        base_model_relation: 'quantized',
        tags: ['onnx', 'transformers.js'],
      });
    },
  );

  test('names no base where none is known, or none that is a repository', () => {
    const { source, ...local } = manifest;
    for (const of of [
      local,
      { ...local, source: { id: '../x', revision: source?.revision ?? '' } },
    ]) {
      const card = modelCard({ manifest: of, id: 'me/x' });
      expect(yamlOf(card)).not.toHaveProperty('base_model');
      expect(card).not.toContain('](https://huggingface.co/');
    }
  });

  test.each([
    ['license: mit\nlanguage: en', { license: 'mit', language: 'en' }],
    ['license: mit\r\nlanguage:\r\n- en\r\n- "no"', { license: 'mit', language: ['en', 'no'] }],
    ['license: [mit, apache-2.0]', { license: ['mit', 'apache-2.0'] }],
    [
      'license: other\nlicense_name: some-license\nlicense_link: LICENSE.md',
      {
        license: 'other',
        license_name: 'some-license',
        license_link: `https://huggingface.co/org/ettin/blob/${revision}/LICENSE.md`,
      },
    ],
    [
      'license: other\nlicense_link: https://example.org/a?b=1',
      { license: 'other', license_link: 'https://example.org/a?b=1' },
    ],
    ['license: other\nlicense_link: javascript:alert(1)', { license: 'other' }],
    ['license: other\nlicense_link: ../../x', { license: 'other' }],
    ['license: "mit\\n---\\nx: y"\nlanguage: {a: 1}', {}],
    ['license: [mit, 3]\nlanguage: []\ntags: [x]\npipeline_tag: y\nname: z', {}],
    ['license: mit\nlicense: apache-2.0', {}],
    ['license: [mit', {}],
  ])('takes license and language of the checkpoint, and only those: %j', (yaml, taken) => {
    const sourceCard = `---\n${yaml}\n---\n# Ettin <!-- -->\n`;
    const { library_name: _library, tags: _tags, ...rest } = yamlOf(cardOf({}, { sourceCard }));
    expect(rest).toEqual({
      pipeline_tag: 'text-generation',
      base_model: 'org/ettin',
      base_model_revision: revision,
      base_model_relation: 'quantized',
      ...taken,
    });
    expect(cardOf({}, { sourceCard })).not.toContain('Ettin <');
  });
});

describe('the figures of a card', () => {
  const comparison = (
    dtype: RecordedComparison['dtype'],
    figures: RecordedComparison['figures'],
    tokens = 12_288,
  ): RecordedComparison => ({
    dtype,
    runtime: 'onnxruntime 1.30.0 (cpu)',
    text: 'cd'.repeat(32),
    tokens,
    window: 256,
    figures,
  });

  test('are those that were measured, and no others', () => {
    expect(tableOf(cardOf({ verifications: [] }), 'Files')).toEqual([
      '| file | dtype | size |',
      '| --- | --- | --- |',
      '| `onnx/model.onnx` | fp32 | 5.3 MB |',
      '| `onnx/model_q4.onnx` | q4 | 1.0 MB |',
    ]);
    expect(cardOf({ verifications: [] })).not.toContain('## Parity');
  });

  test('are the worst of all verifications where no text was compared', () => {
    const worse = { ...verification, golden: 'b', figures: { meanKl: 2e-12, top1: 0.995 } };
    const card = cardOf({ verifications: [verification, worse] });
    expect(tableOf(card, 'Files').slice(2)).toEqual([
      '| `onnx/model.onnx` | fp32 | 5.3 MB | 2.00e-12 | 99.50 % |',
      '| `onnx/model_q4.onnx` | q4 | 1.0 MB |  |  |',
    ]);
  });

  test('are those of the longest text where one was compared', () => {
    const comparisons = [
      comparison('fp32', { perplexity: 40 }, 512),
      comparison('fp32', { perplexity: 53.671 }),
      comparison('q4', { perplexity: 54.0912, meanKl: 0.034, maxKl: 1, top1: 0.8661 }),
    ];
    const card = cardOf({ comparisons });
    expect(tableOf(card, 'Files')).toEqual([
      '| file | dtype | size | perplexity | mean KL | top-1 |',
      '| --- | --- | --- | --- | --- | --- |',
      '| `onnx/model.onnx` | fp32 | 5.3 MB | 53.67 |  |  |',
      '| `onnx/model_q4.onnx` | q4 | 1.0 MB | 54.09 | 0.0340 | 86.61 % |',
    ]);
    expect(card).toContain('on 12,288 tokens in windows of 256 on onnxruntime 1.30.0 (cpu)');
  });

  test('stand beside the runtime that gave them, failures and what is no number too', () => {
    const failed = {
      ...verification,
      runtime: 'webgpu (a | b)',
      passed: false,
      figures: { maxDifference: Number.NaN },
    };
    expect(tableOf(cardOf({ verifications: [verification, failed] }), 'Parity').slice(2)).toEqual([
      '| fp32 | oracle | onnxruntime 1.30.0 (cpu) | 1.34e-5 (6.61e-7 of the largest value) | 1.19e-12 | passed |',
      String.raw`| fp32 | oracle | webgpu (a \| b) | not finite |  | **failed** |`,
    ]);
  });
});

test('a card says where the default file is right', () => {
  expect(cardOf({})).toMatch(/`onnx\/model\.onnx` \(fp32\), is right on\n\n- ONNX Runtime 1\.24/);
  expect(cardOf({})).toMatch(/wrong on ONNX Runtime's WebGPU provider on Vulkan.*target portable/);
  const portable = cardOf({ target: 'portable', dtypes: ['q4'] });
  expect(portable).toMatch(/`onnx\/model_q4\.onnx` \(q4\), is right on\n\n- ONNX Runtime 1\.21/);
  expect(portable).not.toContain('wrong on');
});

test('a card says how its models were made', () => {
  const card = cardOf({ warnings: Array.from({ length: 10 }, (_, at) => `warning ${at}`) });
  expect(card).toContain(`](https://huggingface.co/org/ettin/tree/${revision})`);
  expect(card).toContain('modernbert-onnx 0.1.0, for text-generation, target `onnxruntime`');
  expect(card).toContain(
    'gptq, blocks of 32 weights, zero points for 4 bits, accuracy level 4, calibrated on 8,192 tokens that the model wrote; kept: `embeddings` as q8 in q4.',
  );
  expect(card).toContain('- Noted: warning 7.\n- 2 more notes.\n');
});

test('models without a tokenizer have no programs', () => {
  const card = cardOf({ outputs: manifest.outputs.slice(0, 4) });
  expect(card).toContain('the models take token ids');
  expect(card).not.toContain('```');
});

test('a manifest that anybody may have made means nothing in a card', () => {
  const evil = 'x` | <script> [a](javascript:b) <!-- /modernbert-onnx --> \u001b[31m\n# b';
  const card = cardOf({
    tool: { name: evil, version: evil },
    warnings: [evil],
    verifications: [{ ...verification, runtime: evil, golden: evil }],
    quantization: {
      method: 'rtn',
      blockSize: 32,
      symmetry: 'auto',
      accuracyLevel: 4,
      keep: [{ pattern: evil, format: 'q8' }],
    },
  });
  expect(card).not.toMatch(/(?<!\\)<script|\u001b|^# b/m);
  // in code a link is none
  const links = card.match(/`[^`\n]*\[a\]\(javascript|(?<!\\)\]\(javascript/g) ?? [];
  expect(links.every((link) => link.startsWith('`'))).toBe(true);
  expect(card.split('<!-- /modernbert-onnx -->')).toHaveLength(2);
  expect(cardOf({}, { existing: card })).toBe(cardOf({}));
});

test('an id that is none is refused: programs are made of it', () => {
  expect(() => modelCard({ ...facts, id: "a/b'; x" })).toThrow(
    expect.objectContaining({ code: 'USAGE' }),
  );
});
