// Folders that hold something else than a checkpoint of this model, and the files beside weights.

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyOf, editConfig, editWeights, rename } from './checkpoint-copy.ts';
import { caseFolder } from './command.ts';
import { must } from './must.ts';
import { expectAccepted, type Refusal, testRefusals } from './refusal.ts';

const torchData = join(import.meta.dirname, 'data/torch');

/** Puts files in the place of the weights, or also of config.json. */
function instead(files: Readonly<Record<string, string>>, config = true): Refusal['damage'] {
  return (folder) => {
    rmSync(join(folder, 'model.safetensors'));
    if (!config) rmSync(join(folder, 'config.json'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  };
}

function torchInstead(name: string): Refusal['damage'] {
  return (folder) => {
    rmSync(join(folder, 'model.safetensors'));
    copyFileSync(join(torchData, name), join(folder, 'pytorch_model.bin'));
  };
}

const added = (name: string) => (folder: string) =>
  editWeights(folder, (tensors) => {
    tensors.set(name, must(tensors.get('model.final_norm.weight'), name));
  });

describe('a folder of something else is refused by name:', () => {
  const adapter = { 'adapter_config.json': '{}', 'adapter_model.safetensors': '' };
  const merge = 'merge_and_unload()';
  const cases: readonly (readonly [string, Refusal['damage'], readonly string[]])[] = [
    ['a LoRA adapter', instead(adapter), ['file=adapter_config.json', merge]],
    ['a LoRA adapter alone', instead(adapter, false), ['file=adapter_config.json', merge]],
    [
      'tensors of a LoRA adapter',
      added('base_model.model.layers.0.attn.q_proj.lora_A.weight'),
      [merge, 'tensor=base_model.'],
    ],
    ['GGUF', instead({ 'model-q4.gguf': 'GGUF' }), ['file=model-q4.gguf']],
    ['GGUF alone', instead({ 'model-q4.gguf': 'GGUF' }, false), ['file=model-q4.gguf']],
    ['ONNX', instead({ 'model.onnx': '' }), ['file=model.onnx', 'ONNX already']],
    ['TensorFlow', instead({ 'tf_model.h5': '' }), ['file=tf_model.h5', 'from_tf=True']],
    [
      'an encoder',
      (folder) =>
        editWeights(folder, (tensors) => rename(tensors, (name) => name.replace('q_proj', 'Wqkv'))),
      ['encoder', 'tensor=model.layers.0.attn.Wqkv.weight'],
    ],
    ['a token classifier', added('token_classifier.weight'), ['tensor=token_classifier.weight']],
    ['a model for questions', added('qa_outputs.weight'), ['tensor=qa_outputs.weight']],
    ['quantized weights', added('model.layers.0.mlp.Wi.qweight'), ['quantized', 'qweight']],
  ];
  testRefusals(
    cases.map(([what, damage, says]) => ({
      what,
      damage,
      says,
      status: 69,
      code: 'UNSUPPORTED_CHECKPOINT',
      ...(/LoRA adapter alone|encoder/.test(what) && { command: true }),
    })),
  );
  testRefusals([
    {
      what: 'no weights',
      damage: instead({ 'weights.pth': '' }),
      status: 66,
      code: 'INPUT_MISSING',
      says: ['looked_for=[model.safetensors', 'weights.pth'],
    },
    {
      what: 'no head for the task',
      damage: () => undefined,
      args: ['--task', 'text-classification'],
      status: 65,
      code: 'WEIGHT_MISSING',
      says: ['no head for text-classification', 'classifier.weight', '--task text-generation'],
    },
    {
      what: 'no head at all',
      from: 'base-model',
      damage: (folder) => editConfig(folder, { architectures: ['ModernBertDecoderForCausalLM'] }),
      status: 65,
      code: 'WEIGHT_MISSING',
      says: ['no head for text-generation', '--task feature-extraction'],
      command: true,
    },
  ]);
});

describe('weights that are not what their name says are called by their name:', () => {
  const name = 'model.safetensors';
  const as = (text: string | Uint8Array) => (folder: string) =>
    writeFileSync(join(folder, name), text);
  const replaced = (make: (path: string) => void) => (folder: string) => {
    rmSync(join(folder, name));
    make(join(folder, name));
  };
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 853200\n';
  const cases: readonly (readonly [
    string,
    Refusal['damage'],
    Refusal['code'],
    string,
    status?: number,
  ])[] = [
    ['a git-lfs pointer', as(pointer), 'ST_HEADER_TOO_LARGE', 'git lfs pull'],
    ['an HTML page', as('<html><body>Not Found</body></html>'), 'ST_HEADER_TOO_LARGE', 'HTML'],
    ['nothing', as(''), 'ST_HEADER_TOO_SMALL', 'an empty file'],
    ['zeros', as(new Uint8Array(1000)), 'ST_HEADER_JSON', `file=${name}`],
    ['GGUF', as(`GGUF${'\0'.repeat(99)}`), 'ST_HEADER_TOO_LARGE', 'a GGUF file'],
    [
      'a torch archive',
      (folder) =>
        copyFileSync(join(caseFolder('clm-legacy-bin'), 'pytorch_model.bin'), join(folder, name)),
      'ST_HEADER_TOO_LARGE',
      'name it pytorch_model.bin',
    ],
    [
      'safetensors under the name of torch',
      (folder) => renameSync(join(folder, name), join(folder, 'pytorch_model.bin')),
      'TORCH_ZIP',
      'name it model.safetensors',
    ],
    ['a pickle that runs a command', torchInstead('os-system.bin'), 'TORCH_PICKLE', 'posix.system'],
    ['a pickle from before torch 1.6', torchInstead('legacy.bin'), 'TORCH_ZIP', 'a pickle'],
    ['a TorchScript program', torchInstead('torchscript.bin'), 'TORCH_ZIP', 'TorchScript'],
    ['a folder', replaced((path) => mkdirSync(path)), 'FILE_KIND', 'a folder'],
    ['a pipe', replaced((path) => execFileSync('mkfifo', [path])), 'FILE_KIND', 'a FIFO'],
    ['a device', replaced((path) => symlinkSync('/dev/zero', path)), 'FILE_KIND', 'a device'],
    ['a loop of links', replaced((path) => symlinkSync(name, path)), 'FILE_KIND', 'a loop'],
    ['a link to nothing', replaced((path) => symlinkSync('x', path)), 'INPUT_MISSING', 'link', 66],
  ];
  testRefusals(
    cases.map(([what, damage, code, says, status = 65]) => ({
      what,
      damage,
      status,
      code,
      says: [says],
      ...(/pointer|runs a command|a folder/.test(what) && { command: true }),
    })),
  );
});

describe('a file beside the weights', () => {
  const store = (file: string, value: unknown) => (folder: string) =>
    writeFileSync(join(folder, file), typeof value === 'string' ? value : JSON.stringify(value));
  const vocab = { a: 0, b: 511 };
  const cases: readonly (readonly [string, string, unknown, Refusal['code'], string])[] = [
    ['is empty', 'tokenizer.json', '', 'FILE_KIND', 'an empty file'],
    ['is a pointer', 'tokenizer.json', 'version https://git-lfs', 'FILE_KIND', 'git lfs pull'],
    ['is cut off', 'tokenizer.json', '{"model": {"vocab"', 'TOKENIZER_INVALID', 'not a JSON'],
    ['is null', 'tokenizer.json', 'null', 'TOKENIZER_INVALID', 'not a JSON object'],
    ['nests without end', 'tokenizer.json', '['.repeat(1e6), 'TOKENIZER_INVALID', 'not a'],
    ['has no model', 'tokenizer.json', {}, 'TOKENIZER_INVALID', 'the tokenizer has no model'],
    [
      'has an id too many',
      'tokenizer.json',
      { model: { vocab: { ...vocab, c: 512 } } },
      'TOKENIZER_INVALID',
      'largest_id=512, vocab_size=512',
    ],
    [
      'adds a token too many',
      'tokenizer.json',
      { model: { vocab }, added_tokens: [{ id: 600, content: '<x>' }] },
      'TOKENIZER_INVALID',
      'largest_id=600, vocab_size=512',
    ],
    [
      'lists a piece too many',
      'tokenizer.json',
      { model: { vocab: Array.from({ length: 513 }, (_, i) => [`piece ${i}`, 0]) } },
      'TOKENIZER_INVALID',
      'largest_id=512, vocab_size=512',
    ],
    ['is empty', 'tokenizer_config.json', '', 'FILE_KIND', 'an empty file'],
    ['is cut off', 'generation_config.json', '{"a":', 'JSON_SYNTAX', 'not a JSON object'],
    ['is a list', 'special_tokens_map.json', [], 'JSON_SYNTAX', 'not a JSON object'],
  ];
  testRefusals(
    cases.map(([what, file, value, code, says], index) => ({
      what: `that ${what} is refused: ${file}`,
      damage: store(file, value),
      status: 65,
      code,
      says: [`file=${file}`, says],
      ...(index === 6 && { command: true }),
    })),
  );

  test('that is not there is only said', async () => {
    const { manifest } = await expectAccepted(copyOf());
    expect(manifest.warnings).toEqual([expect.stringContaining('no tokenizer.json')]);
  });

  test('that fits the embedding exactly is copied as it is', async () => {
    const folder = copyOf();
    const text = ` ${JSON.stringify({ model: { vocab }, added_tokens: [{ id: 511 }] })}\n`;
    store('tokenizer.json', text)(folder);
    const { manifest, target } = await expectAccepted(folder);
    expect(manifest.warnings).toEqual([]);
    expect(readFileSync(join(target, 'tokenizer.json'), 'utf8')).toBe(text);
  });
});

test('an adapter beside whole weights is passed over and said', async () => {
  const folder = copyOf('shakespeare');
  writeFileSync(join(folder, 'adapter_config.json'), '{}');
  cpSync(join(torchData, 'os-system.bin'), join(folder, 'pytorch_model.bin'));
  expect((await expectAccepted(folder)).warnings).toEqual([
    'weights beside model.safetensors are passed over: pytorch_model.bin',
    expect.stringContaining('is not applied: merge it first'),
  ]);
});
