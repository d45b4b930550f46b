import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeModel } from '../onnx/encode.ts';
import { openOnnxRuntime } from './onnxruntime.ts';

// A file of its own: ONNX Runtime looks for Float16Array once, when it makes its first tensor.

class FakeFloat16Array extends Uint16Array {
  constructor() {
    super();
    throw new Error('ONNX Runtime was given a Float16Array, which it cannot read');
  }
}

let folder = '';
const own = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'float16-'));
  Object.defineProperty(globalThis, 'Float16Array', {
    value: FakeFloat16Array,
    configurable: true,
    writable: true,
  });
});

afterAll(async () => {
  if (own) Object.defineProperty(globalThis, 'Float16Array', own);
  else Reflect.deleteProperty(globalThis, 'Float16Array');
  await rm(folder, { recursive: true });
});

test('halves stay bits where the engine has Float16Array, and the engine keeps it', async () => {
  const type = { dtype: 'float16', shape: [2] } as const;
  const path = join(folder, 'echo.onnx');
  const model = encodeModel(
    {
      irVersion: 10,
      opsets: { '': 21 },
      producer: { name: 'test', version: '0' },
      metadata: {},
      functions: [],
      graph: {
        name: 'echo',
        inputs: [{ name: 'x', type }],
        outputs: [{ name: 'y', type }],
        initializers: [],
        nodes: [{ domain: '', op: 'Identity', inputs: ['x'], outputs: ['y'], attributes: {} }],
        values: [],
      },
    },
    new Map(),
  );
  await writeFile(path, model);
  const runner = await openOnnxRuntime(path);
  const data = Uint16Array.of(0x3c00, 0xc000);
  const results = await runner.run({ x: { dtype: 'float16', shape: [2], data } });
  expect(results.get('y')?.data).toEqual(data);
  expect(Reflect.get(globalThis, 'Float16Array')).toBe(FakeFloat16Array);
  await runner.close();
});
