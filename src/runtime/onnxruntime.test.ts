import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHalf } from '../base/half.ts';
import type { Model, Value } from '../ir/graph.ts';
import { encodeModel } from '../onnx/encode.ts';
import { openOnnxRuntime, type OnnxRuntime } from './onnxruntime.ts';

const inputs: readonly Value[] = [
  { name: 'half', type: { dtype: 'float16', shape: ['batch', 2] } },
  { name: 'long', type: { dtype: 'int64', shape: [] } },
  { name: 'flag', type: { dtype: 'bool', shape: [1] } },
];

/** Returns every input as it came. */
const echo: Model = {
  irVersion: 10,
  opsets: { '': 21 },
  producer: { name: 'test', version: '0' },
  metadata: {},
  functions: [],
  graph: {
    name: 'echo',
    inputs,
    outputs: inputs.map(({ name, type }) => ({ name: `${name}_out`, type })),
    initializers: [],
    nodes: inputs.map(({ name }) => ({
      domain: '',
      op: 'Identity',
      inputs: [name],
      outputs: [`${name}_out`],
      attributes: {},
    })),
    values: [],
  },
};

let folder = '';
let path = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnxruntime-'));
  path = join(folder, 'echo.onnx');
  await writeFile(path, encodeModel(echo, new Map()));
});

afterAll(() => rm(folder, { recursive: true }));

test('a runner says what it runs on and what the model takes and gives', async () => {
  const runner = await openOnnxRuntime(path);
  expect(runner.name).toMatch(/^onnxruntime 1\.\d+\.\d+ \(cpu\)$/);
  expect([...runner.inputs]).toEqual(inputs.map(({ name, type }) => [name, type]));
  expect(runner.outputs).toEqual(['half_out', 'long_out', 'flag_out']);
  await runner.close();
});

test('half floats go in and come out as their bits, and a scalar stays one', async () => {
  const runner = await openOnnxRuntime(path);
  const results = await runner.run({
    half: { dtype: 'float16', shape: [1, 2], data: Uint16Array.of(toHalf(1.5), toHalf(-2)) },
    long: { dtype: 'int64', shape: [], data: BigInt64Array.of(2n ** 60n) },
    flag: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) },
  });
  expect(results.get('half_out')).toEqual({
    dtype: 'float16',
    shape: [1, 2],
    data: Uint16Array.of(0x3e00, 0xc000),
  });
  expect(results.get('long_out')).toEqual({
    dtype: 'int64',
    shape: [],
    data: BigInt64Array.of(2n ** 60n),
  });
  expect(results.get('flag_out')?.dtype).toBe('bool');
  await runner.close();
});

test('a file that is no model fails in one line with its name', async () => {
  const broken = join(folder, 'broken.onnx');
  await writeFile(broken, 'not a model');
  const error: unknown = await openOnnxRuntime(broken).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'RUNTIME_FAILED', where: { file: 'broken.onnx' } });
  expect(String(error)).not.toContain('\n');
});

test('inputs that do not fit fail with the cause', async () => {
  const runner = await openOnnxRuntime(path);
  await expect(runner.run({})).rejects.toMatchObject({
    code: 'RUNTIME_FAILED',
    message: expect.stringContaining('half'),
  });
  await runner.close();
});

test('without the package the exact command that installs it is told', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  await expect(openOnnxRuntime(path, {}, () => Promise.reject(missing))).rejects.toMatchObject({
    code: 'RUNTIME_MISSING',
    exitStatus: 69,
    where: {},
    message: expect.stringContaining(
      '`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`',
    ),
  });
});

test('a package whose library cannot be loaded says why', async () => {
  const broken = new Error('libonnxruntime.so.1: cannot open shared object file\n  at Object');
  await expect(openOnnxRuntime(path, {}, () => Promise.reject(broken))).rejects.toMatchObject({
    code: 'RUNTIME_MISSING',
    where: { cause: 'libonnxruntime.so.1: cannot open shared object file' },
  });
});

function version(node: string): () => Promise<OnnxRuntime> {
  const { InferenceSession, Tensor } = ort;
  const versions = { common: node, node };
  return async () => ({ InferenceSession, Tensor, env: { ...ort.env, versions } });
}

test.each(['1.23.2', '1.9.0', '0.30.0', ''])('version %j is too old', async (old) => {
  await expect(openOnnxRuntime(path, {}, version(old))).rejects.toMatchObject({
    code: 'RUNTIME_MISSING',
    where: { version: old, oldest: '1.24' },
  });
});

test.each(['1.24.0', '1.30.0-dev.1', '2.0.0'])('version %s is new enough', async (fine) => {
  const runner = await openOnnxRuntime(path, {}, version(fine));
  expect(runner.name).toBe(`onnxruntime ${fine} (cpu)`);
  await runner.close();
});
