// Checkpoints whose weights do not fit: tensors missing, in excess, of another shape or type, or
// with numbers that no model computes with.

import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromHalf } from '../src/base/half.ts';
import {
  copyOf,
  editText,
  editWeights,
  inType,
  rename,
  setValue,
  type StoredTensor,
  type StoredTensors,
  tensorsIn,
} from './checkpoint-copy.ts';
import { must } from './must.ts';
import { expectAccepted, type Refusal, testRefusals } from './refusal.ts';
import { weightsIn } from './written-weights.ts';

const norm = 'model.final_norm.weight';
const key = 'model.layers.1.attn.k_proj.weight';
const wi = 'model.layers.2.mlp.Wi.weight';
const embedding = 'model.embeddings.tok_embeddings.weight';
const file = 'file=model.safetensors';

const weights = (change: (tensors: StoredTensors) => void) => (folder: string) =>
  editWeights(folder, change);

const edited = (name: string, change: (tensor: StoredTensor) => StoredTensor) =>
  weights((tensors) => void tensors.set(name, change(must(tensors.get(name), name))));

describe('a tensor', () => {
  const cases: readonly Omit<Refusal, 'status'>[] = [
    {
      what: 'that is missing is named',
      damage: weights((tensors) => tensors.delete(wi)),
      code: 'WEIGHT_MISSING',
      says: [`tensor=${wi}`, '192×64'],
      command: true,
    },
    {
      what: 'that is written in another case is missing',
      damage: weights((tensors) => rename(tensors, (name) => name.replace('mlp.Wi', 'mlp.wi'))),
      code: 'WEIGHT_MISSING',
      says: ['tensor=model.layers.0.mlp.Wi.weight'],
    },
    {
      what: 'of a second name after prefixes are taken off is refused',
      damage: weights((tensors) => tensors.set(`module.${norm}`, must(tensors.get(norm), norm))),
      code: 'WEIGHT_DUPLICATE',
      says: [`tensor=${norm}`, `module.${norm}`],
    },
    {
      what: 'of a layer that config.json does not count is refused',
      damage: weights((tensors) =>
        tensors.set(wi.replace('layers.2', 'layers.17'), must(tensors.get(wi), wi)),
      ),
      code: 'WEIGHT_UNEXPECTED',
      says: ['tensor=model.layers.17.mlp.Wi.weight', 'num_hidden_layers 5', file],
    },
    {
      what: 'of a bias that config.json turns off is refused',
      damage: weights((tensors) =>
        tensors.set('model.layers.0.attn.q_proj.bias', must(tensors.get(norm), norm)),
      ),
      code: 'WEIGHT_UNEXPECTED',
      says: ['tensor=model.layers.0.attn.q_proj.bias', 'attention_bias false', file],
      command: true,
    },
    {
      what: 'that is transposed is refused',
      damage: edited(wi, (tensor) => ({ ...tensor, shape: [64, 192] })),
      code: 'WEIGHT_SHAPE',
      says: [`tensor=${wi}`, 'asks for 192×64', 'has 64×192', file],
      command: true,
    },
    {
      what: 'with a row too many is refused',
      damage: edited(wi, (tensor) => ({
        ...tensor,
        shape: [193, 64],
        bytes: new Uint8Array(193 * 256),
      })),
      code: 'WEIGHT_SHAPE',
      says: [`tensor=${wi}`, 'has 193×64'],
    },
    {
      what: 'with another rank is refused',
      damage: edited(wi, (tensor) => ({ ...tensor, shape: [1, 192, 64] })),
      code: 'WEIGHT_SHAPE',
      says: [`tensor=${wi}`, 'has 1×192×64'],
    },
    {
      what: 'that is a scalar is refused',
      damage: edited(norm, (tensor) => ({
        ...tensor,
        shape: [],
        bytes: tensor.bytes.subarray(0, 4),
      })),
      code: 'WEIGHT_SHAPE',
      says: [`tensor=${norm}`, 'has scalar'],
    },
    {
      what: 'without elements is refused',
      damage: edited(norm, (tensor) => ({ ...tensor, shape: [0], bytes: new Uint8Array(0) })),
      code: 'WEIGHT_SHAPE',
      says: [`tensor=${norm}`],
    },
    {
      what: 'of whole numbers is refused',
      damage: edited(norm, (tensor) => ({ ...tensor, dtype: 'I32' })),
      code: 'WEIGHT_DTYPE',
      says: [`tensor=${norm}`, 'dtype=I32', file],
      command: true,
    },
    {
      what: 'of 8-bit floats is refused',
      damage: edited(norm, (tensor) => ({
        ...tensor,
        dtype: 'F8_E4M3',
        bytes: tensor.bytes.subarray(0, 64),
      })),
      code: 'WEIGHT_DTYPE',
      says: [`tensor=${norm}`, 'dtype=F8_E4M3'],
    },
    {
      what: 'whose header says a narrower type than its bytes is refused',
      damage: (folder) =>
        editText(folder, 'model.safetensors', (text) => text.replace('"F32"', '"F16"')),
      code: 'ST_SIZE_MISMATCH',
      says: [file, 'tensor='],
    },
  ];
  testRefusals(cases.map((one) => ({ ...one, status: 65 })));
});

describe('a file of weights', () => {
  const name = 'model.safetensors';
  testRefusals(
    [
      {
        what: 'that lacks its last byte is refused',
        damage: (folder: string) =>
          truncateSync(join(folder, name), statSync(join(folder, name)).size - 1),
        code: 'ST_FILE_SIZE' as const,
        says: [file],
      },
      {
        what: 'with a byte more is refused',
        damage: (folder: string) => appendFileSync(join(folder, name), 'x'),
        code: 'ST_FILE_SIZE' as const,
        says: [file],
      },
      {
        what: 'that is cut off in its header is refused',
        damage: (folder: string) => truncateSync(join(folder, name), 1000),
        code: 'ST_HEADER_TRUNCATED' as const,
        says: [file],
      },
    ].map((one) => ({ ...one, status: 65 })),
  );
});

describe('a number', () => {
  const overflow = (name: string, value: number): Refusal['damage'] =>
    weights((tensors) => setValue(tensors, name, 77, value));
  const double = (tensor: StoredTensor): StoredTensor => {
    const wide = inType(tensor, 'F64');
    new DataView(wide.bytes.buffer).setFloat64(8 * 5, -1e300, true);
    return wide;
  };
  testRefusals([
    ...[key, wi, embedding].map((name): Refusal => ({
      what: `beyond half precision in ${name} is refused for fp16`,
      damage: overflow(name, 65_520),
      args: ['--dtype', 'fp32,fp16', '--no-fp16-check'],
      status: 65,
      code: 'WEIGHT_OVERFLOW',
      says: [`tensor=${name}`, 'value=65520', '--dtype fp32'],
      ...(name === key && { command: true }),
    })),
    {
      what: 'beyond single precision is refused',
      damage: edited(norm, double),
      status: 65,
      code: 'WEIGHT_OVERFLOW',
      says: [`tensor=${norm}`, 'value=-1e+300'],
    },
  ]);

  test('beyond half precision is no matter for fp32, and 65,504 none for fp16', async () => {
    const folder = copyOf();
    await editWeights(folder, (tensors) => setValue(tensors, key, 77, 1e6));
    await expectAccepted(folder);
    await editWeights(folder, (tensors) => setValue(tensors, key, 77, 65_504));
    await expectAccepted(folder, '--dtype', 'fp16', '--no-fp16-check');
  });

  test('that is none is said with its tensor, counted, and kept in both precisions', async () => {
    const folder = copyOf();
    await editWeights(folder, (tensors) => {
      for (const [at, value] of [Number.NaN, Infinity, -Infinity].entries()) {
        setValue(tensors, key, at, value);
      }
      setValue(tensors, norm, 3, Number.NaN);
    });
    const { warnings, manifest, target } = await expectAccepted(folder, '--dtype', 'fp32,fp16');
    expect(warnings.toSorted()).toEqual([
      `${norm} holds values that are not finite: 1`,
      `${key} holds values that are not finite: 3`,
    ]);
    expect(manifest.weights.nonFinite.toSorted((a, b) => b.count - a.count)).toEqual([
      { name: key, count: 3 },
      { name: norm, count: 1 },
    ]);
    for (const model of ['model.onnx', 'model_fp16.onnx']) {
      const values = must((await weightsIn(target, model)).get('final_norm.weight'), model);
      expect(values.flatMap((value, at) => (Number.isNaN(value) ? [at] : []))).toEqual([3]);
    }
  });

  test('that is subnormal, and a tensor of zeros, are kept to the bit', async () => {
    const folder = copyOf();
    const smallest = 2 ** -149;
    await editWeights(folder, (tensors) => {
      for (let at = 0; at < 64; at++) setValue(tensors, norm, at, 0);
      setValue(tensors, norm, 7, smallest);
      setValue(tensors, norm, 8, -0);
      setValue(tensors, norm, 9, fromHalf(1));
    });
    const { warnings, target } = await expectAccepted(folder, '--dtype', 'fp32,fp16');
    expect(warnings).toEqual([]);
    const expected = Array.from({ length: 64 }, () => 0);
    expect((await weightsIn(target)).get('final_norm.weight')).toEqual(
      Object.assign([...expected], { 7: smallest, 8: -0, 9: fromHalf(1) }),
    );
    expect((await weightsIn(target, 'model_fp16.onnx')).get('final_norm.weight')).toEqual(
      Object.assign([...expected], { 8: -0, 9: fromHalf(1) }),
    );
  });
});

describe('tensors that no model has', () => {
  test('are said and counted, whatever their type and name', async () => {
    const folder = copyOf();
    await editWeights(folder, (tensors) => {
      const extra = { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) } as const;
      for (const name of ['model.step', 'a\nb\u001b[31m', '__proto__']) tensors.set(name, extra);
    });
    const { warnings, manifest } = await expectAccepted(folder);
    expect(warnings).toEqual([
      'text-generation does not use __proto__, a\u{fffd}b\u{fffd}[31m, model.step',
    ]);
    expect(manifest.weights.unused.toSorted()).toEqual([
      '__proto__',
      'a\nb\u001b[31m',
      'model.step',
    ]);
  });

  test('leave the models as they are', async () => {
    const [plain, more] = [copyOf(), copyOf()];
    await editWeights(more, (tensors) => tensors.set('extra', must(tensors.get(norm), norm)));
    const hashes = async (folder: string): Promise<readonly string[]> =>
      (await expectAccepted(folder)).manifest.outputs.map(({ path, sha256 }) => path + sha256);
    expect(await hashes(more)).toEqual(await hashes(plain));
    expect((await tensorsIn(more)).has('extra')).toBe(true);
  });
});
