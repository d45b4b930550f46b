// Checkpoints whose config.json is broken, means something else, or contradicts the weights.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../src/base/errors.ts';
import { copyOf, editConfig, editText } from './checkpoint-copy.ts';
import { expectAccepted, type Refusal, testRefusals } from './refusal.ts';

type Fields = Readonly<Record<string, unknown>>;

const config = (folder: string): string => join(folder, 'config.json');
const write = (text: string | Uint8Array) => (folder: string) =>
  writeFileSync(config(folder), text);

describe('a config.json that is', () => {
  const file = 'file=config.json';
  const cases: readonly (readonly [
    what: string,
    code: ErrorCode,
    damage: Refusal['damage'],
    says: string,
  ])[] = [
    ['empty', 'FILE_KIND', write(''), 'an empty file'],
    ['an HTML page', 'FILE_KIND', write('<!DOCTYPE html><html></html>'), 'an HTML page'],
    [
      'a git-lfs pointer',
      'FILE_KIND',
      write('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'),
      'git lfs pull',
    ],
    ['cut off', 'JSON_SYNTAX', (at) => editText(at, 'config.json', (t) => t.slice(0, 300)), 'line'],
    ['no JSON', 'JSON_SYNTAX', write('hidden_size = 64'), 'a value was expected'],
    ['zeros', 'JSON_SYNTAX', write(new Uint8Array(1000)), 'a value was expected'],
    ['a list', 'CONFIG_INVALID', write('[]'), 'an object is expected'],
    [
      'begun with a byte order mark',
      'JSON_SYNTAX',
      (at) => write(`\ufeff${readFileSync(config(at), 'utf8')}`)(at),
      'byte order mark',
    ],
    ['UTF-16', 'JSON_SYNTAX', write(Buffer.from('\ufeff{}', 'utf16le')), 'the file is not UTF-8'],
    ['one with a key twice', 'JSON_DUPLICATE_KEY', write('{"a": 1, "a": 2}'), 'key=a'],
    ['of 11 MB', 'FILE_TOO_LARGE', write(`{"a":"${'x'.repeat(11e6)}"}`), 'size=11000008'],
    ['nested without end', 'JSON_DEPTH', write('{"a":'.repeat(1000)), 'limit=127'],
  ];
  testRefusals(
    cases.map(([what, code, damage, says]) => ({
      what,
      code,
      damage,
      status: 65,
      says: [file, says],
      ...((what === 'cut off' || what === 'empty') && { command: true }),
    })),
  );
  testRefusals([
    {
      what: 'missing',
      damage: (folder) => rmSync(config(folder)),
      status: 66,
      code: 'INPUT_MISSING',
      says: ['config.json', 'folder=checkpoint'],
      command: true,
    },
    {
      what: 'a link to nothing',
      damage: (folder) => {
        rmSync(config(folder));
        symlinkSync('nowhere', config(folder));
      },
      status: 66,
      code: 'INPUT_MISSING',
      says: [file, 'a link to a file that is not there'],
    },
    {
      what: 'a folder',
      damage: (folder) => {
        rmSync(config(folder));
        mkdirSync(config(folder));
      },
      status: 65,
      code: 'FILE_KIND',
      says: [file, 'this is a folder'],
    },
    {
      what: 'a pipe that nobody writes to',
      damage: (folder) => {
        rmSync(config(folder));
        execFileSync('mkfifo', [config(folder)]);
      },
      status: 65,
      code: 'FILE_KIND',
      says: [file, 'this is a FIFO'],
    },
  ]);
});

describe('a config.json that asks for', () => {
  const cases: readonly (readonly [Fields, 'UNSUPPORTED_ARCHITECTURE' | 'UNSUPPORTED_CONFIG'])[] = [
    [{ architectures: ['BertModel'] }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ architectures: ['ModernBertForMaskedLM'] }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ architectures: ['ModernBertDecoderForTokenClassification'] }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ auto_map: { AutoModel: 'modeling.Model' } }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ model_type: 'modernbert' }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ model_type: undefined, architectures: undefined }, 'UNSUPPORTED_ARCHITECTURE'],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'UNSUPPORTED_CONFIG'],
    [{ is_causal: false }, 'UNSUPPORTED_CONFIG'],
    [{ hidden_activation: 'snake' }, 'UNSUPPORTED_CONFIG'],
    [{ num_attention_heads: 64 }, 'UNSUPPORTED_CONFIG'],
    [{ sliding_window: 4 }, 'UNSUPPORTED_CONFIG'],
    [{ sliding_window: 0, local_attention: 0 }, 'UNSUPPORTED_CONFIG'],
    [{ quantization_config: { bits: 4 } }, 'UNSUPPORTED_CONFIG'],
  ];
  testRefusals(
    cases.map(([fields, code], index) => ({
      what: JSON.stringify(fields),
      damage: (folder) => editConfig(folder, fields),
      status: 69,
      code,
      says: [`field=${Object.keys(fields)[0]}`],
      ...(index === 0 && { command: true }),
    })),
  );
});

describe('a config.json with nonsense in', () => {
  const values: Readonly<Record<string, readonly unknown[]>> = {
    hidden_size: [-64, 0, 1e12, '64', 65, 1.5],
    num_attention_heads: [-4, 0, 1e12, '4', 3],
    vocab_size: [-1, 0, 1e12, '512', null],
    num_hidden_layers: [-1, 0, 1e12, '5', 6],
    intermediate_size: [0, null],
    max_position_embeddings: [0, 2 ** 25],
    norm_eps: [-1, '1e-5'],
    pad_token_id: [512, null],
    layer_types: [['full_attention'], 'full_attention'],
    architectures: ['ModernBertDecoderForCausalLM', [7]],
    tie_word_embeddings: ['yes', null],
    rope_parameters: [[], { full_attention: { rope_theta: -1 } }],
  };
  testRefusals(
    Object.entries(values).flatMap(([field, wrong]) =>
      wrong.map((value): Refusal => ({
        what: `${field}: ${JSON.stringify(value)}`,
        damage: (folder) => editConfig(folder, { [field]: value }),
        status: 65,
        code: 'CONFIG_INVALID',
        says: ['config.json', 'field='],
      })),
    ),
  );
});

describe('a config.json that contradicts the weights:', () => {
  const layers = ['full_attention', 'sliding_attention', 'sliding_attention', 'full_attention'];
  const embedding = 'tensor=model.embeddings.tok_embeddings.weight';
  const cases: readonly (readonly [Fields, ErrorCode, readonly string[], string?])[] = [
    [{ vocab_size: 513 }, 'WEIGHT_SHAPE', [embedding, '513×64', '512×64']],
    [{ vocab_size: 511 }, 'WEIGHT_SHAPE', [embedding, 'vocab_size']],
    [
      { intermediate_size: 95 },
      'WEIGHT_SHAPE',
      ['tensor=model.layers.0.mlp.Wi.weight', '190×64', '192×64'],
    ],
    [{ hidden_size: 128 }, 'WEIGHT_SHAPE', [embedding, '512×128', 'file=model.safetensors']],
    [
      { num_hidden_layers: 6, layer_types: undefined },
      'WEIGHT_MISSING',
      ['tensor=model.layers.5.attn_norm.weight', 'shape=64'],
    ],
    [
      { num_hidden_layers: 4, layer_types: layers },
      'WEIGHT_UNEXPECTED',
      ['num_hidden_layers 4', 'tensor=model.layers.4.'],
    ],
    [{ attention_bias: true }, 'WEIGHT_MISSING', ['tensor=model.layers.0.attn.q_proj.bias']],
    [{ decoder_bias: false }, 'WEIGHT_UNEXPECTED', ['decoder_bias', 'tensor=decoder.bias']],
    [{ tie_word_embeddings: false }, 'WEIGHT_MISSING', ['tensor=decoder.weight']],
    [
      { id2label: { 0: 'a', 1: 'b', 2: 'c', 3: 'd' } },
      'WEIGHT_SHAPE',
      ['tensor=classifier.weight', '4×64', 'id2label'],
      'cls-three-labels',
    ],
    ...(['attention_bias', 'mlp_bias', 'norm_bias', 'classifier_bias'] as const).map(
      (field) =>
        [{ [field]: false }, 'WEIGHT_UNEXPECTED', [field, '.bias'], 'clm-biases-untied'] as const,
    ),
  ];
  testRefusals(
    cases.map(([fields, code, says, from = 'clm-default']) => ({
      what: JSON.stringify(fields),
      from,
      damage: (folder) => editConfig(folder, fields),
      status: 65,
      code,
      says,
      ...('vocab_size' in fields && { command: true }),
    })),
  );
});

describe('a config.json is taken', () => {
  test('with Infinity, with a key that names a prototype, and without architectures', async () => {
    const folder = copyOf();
    editConfig(folder, { architectures: undefined, transformers_version: '5.18.0', unknown: '∞' });
    editText(folder, 'config.json', (text) =>
      text.replace(/"unknown":"[^"]*"/, '"unknown": Infinity, "__proto__": {"hidden_size": NaN}'),
    );
    const { manifest } = await expectAccepted(folder);
    expect(manifest).toMatchObject({ task: 'text-generation', weights: { unused: [] } });
    expect(Reflect.get({}, 'hidden_size')).toBeUndefined();
  });

  test('with a window longer than any text, and with a place for one token', async () => {
    const folder = copyOf();
    editConfig(folder, { sliding_window: 4096, local_attention: 8192 });
    await expectAccepted(folder);
    editConfig(folder, { max_position_embeddings: 1 });
    await expectAccepted(folder);
  });
});
