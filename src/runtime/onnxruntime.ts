// ONNX Runtime as a runner: the runtime that most users deploy. It is an optional peer, loaded when
// somebody asks for it.

import type * as Ort from 'onnxruntime-node';
import type { DType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import type { Feeds, Runner } from '../base/runner.ts';
import type { Dim, Tensor, TensorType } from '../base/tensors.ts';

export interface OnnxRuntimeOptions {
  /** In order of preference; `cpu` when left out. */
  readonly executionProviders?: readonly string[];
}

/** What this file uses of onnxruntime-node. */
export type OnnxRuntime = Pick<typeof Ort, 'InferenceSession' | 'Tensor' | 'env'>;

/** The first version that counts a sliding window as the models mean it, and reads opset 24. */
const oldest = { major: 1, minor: 24 };
const install = 'ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node';

/** Opens a model file, with its external data beside it, in ONNX Runtime. */
export async function openOnnxRuntime(
  modelPath: string,
  { executionProviders = ['cpu'] }: OnnxRuntimeOptions = {},
  load?: () => Promise<OnnxRuntime>,
): Promise<Runner> {
  const open = await openSession(modelPath, { executionProviders }, load);
  const { ort, session, guard } = open;
  const inputs = new Map(session.inputMetadata.map((meta) => [meta.name, typeOf(meta)]));
  return {
    name: open.name,
    inputs,
    outputs: session.outputNames,
    run: async (feeds) => {
      const results = await guard(() => session.run(toOrt(ort, feeds)));
      return new Map(Object.entries(results).map(([name, value]) => [name, fromOrt(name, value)]));
    },
    close: () => session.release(),
  };
}

/** A session, and what its user needs beside it. */
export interface OpenSession {
  readonly ort: OnnxRuntime;
  readonly session: Ort.InferenceSession;
  /** `onnxruntime 1.30.0 (cpu)`, for reports. */
  readonly name: string;
  /** Does something with the session; a native failure is one line. */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Opens a model file in a session with options of its own. */
export async function openSession(
  modelPath: string,
  options: Ort.InferenceSession.SessionOptions & { readonly executionProviders: readonly string[] },
  load: () => Promise<OnnxRuntime> = () => import('onnxruntime-node'),
): Promise<OpenSession> {
  const ort = await loadPeer(load);
  keepHalvesAsBits(ort);
  const version = checkVersion(ort.env.versions.node ?? ort.env.versions.common);
  const where = { file: modelPath.split(/[/\\]/).at(-1) ?? '' };
  const session = await guarded('ONNX Runtime refuses the model', where, () =>
    ort.InferenceSession.create(modelPath, {
      ...options,
      executionProviders: [...options.executionProviders],
      logSeverityLevel: 3, // errors: its warnings would stand between progress lines
    }),
  );
  return {
    ort,
    session,
    name: `onnxruntime ${version} (${options.executionProviders.join(', ')})`,
    guard: (work) => guarded('ONNX Runtime failed to run the model', where, work),
  };
}

async function loadPeer(load: () => Promise<OnnxRuntime>): Promise<OnnxRuntime> {
  try {
    const loaded: OnnxRuntime & { readonly default?: OnnxRuntime } = await load();
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new ToolkitError('RUNTIME_MISSING', 'onnxruntime-node cannot be loaded', {
      where: isMissing(cause) ? {} : { cause: oneLine(cause) },
      fix: `install it with \`${install}\``,
      cause,
    });
  }
}

/**
 * onnxruntime-node 1.30 cannot read a Float16Array, which Node has from 24 on, and yet chooses it
 * when the first tensor is made, if there is one to be seen. So it sees none.
 */
export function keepHalvesAsBits({ Tensor }: OnnxRuntime): void {
  const float16Array = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (float16Array?.configurable !== true) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    void new Tensor('uint8', Uint8Array.of(0), [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', float16Array);
  }
}

function isMissing(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

function checkVersion(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return version;
  throw new ToolkitError('RUNTIME_MISSING', 'this onnxruntime-node is too old', {
    where: { version, oldest: `${oldest.major}.${oldest.minor}` },
    fix: `update it with \`${install}@latest\``,
  });
}

/** Native failures are many lines of C++; one line tells what happened. */
async function guarded<T>(
  rule: string,
  where: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ToolkitError('RUNTIME_FAILED', rule, {
      where: { ...where, cause: oneLine(cause) },
      cause,
    });
  }
}

function oneLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n').find((line) => line.trim() !== '') ?? 'unknown';
}

const dtypes: ReadonlySet<string> = new Set<DType>([
  'float32',
  'float16',
  'float64',
  'int64',
  'int32',
  'uint8',
  'bool',
]);

function isDType(type: string): type is DType {
  return dtypes.has(type);
}

function dtypeOf(name: string, type: string): DType {
  if (isDType(type)) return type;
  throw new ToolkitError('RUNTIME_FAILED', 'a value has an element type that no model here has', {
    where: { value: name, type },
  });
}

function typeOf(meta: Ort.InferenceSession.ValueMetadata): TensorType {
  if (!meta.isTensor) return { dtype: dtypeOf(meta.name, 'no tensor'), shape: [] };
  const shape = meta.shape.map((dim): Dim => (dim === '' ? null : dim));
  return { dtype: dtypeOf(meta.name, meta.type), shape };
}

function toOrt({ Tensor }: OnnxRuntime, feeds: Feeds): Ort.InferenceSession.FeedsType {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
      name,
      new Tensor(dtype as 'float32', data as Float32Array, shape),
    ]),
  );
}

function fromOrt(name: string, value: Ort.OnnxValue): Tensor {
  const { type, dims, data } = value as Ort.Tensor;
  return { dtype: dtypeOf(name, type), shape: dims, data: bitsOf(type, data) };
}

/** Halves as their bits: a JavaScript engine that has Float16Array gives one. */
function bitsOf(type: string, data: Ort.Tensor['data']): Tensor['data'] {
  if (type !== 'float16') return data as Tensor['data'];
  const view = data as Uint16Array;
  return new Uint16Array(view.buffer, view.byteOffset, view.length);
}
