// A page with ONNX Runtime in it. Its functions are what a test asks of it.

import { env, InferenceSession, Tensor } from 'onnxruntime-web/webgpu';
import type { DType } from '../../src/base/dtypes.ts';
import type { Tensor as HostTensor, TensorType } from '../../src/base/tensors.ts';

export type Provider = 'wasm' | 'webgpu';

export interface OnnxRuntimeWeb {
  /** Opens the model at an address, with the data files beside it. */
  open(address: string, dataFiles: readonly string[], provider: Provider): Promise<Opened>;
  run(
    session: number,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Promise<Readonly<Record<string, HostTensor>>>;
  close(session: number): Promise<void>;
}

export interface Opened {
  /** Its place in the list of sessions. */
  readonly session: number;
  readonly version: string;
  readonly inputs: readonly (readonly [name: string, type: TensorType])[];
  readonly outputs: readonly string[];
}

env.wasm.wasmPaths = '/onnxruntime-web/';
env.wasm.numThreads = 1; // a page has more only where its server isolates it from other origins
const sessions: InferenceSession[] = [];

const functions: OnnxRuntimeWeb = {
  async open(address, dataFiles, provider) {
    const folder = address.slice(0, address.lastIndexOf('/') + 1);
    const session = await InferenceSession.create(address, {
      executionProviders: [provider],
      externalData: dataFiles.map((path) => ({ path, data: folder + path })),
    });
    const inputs = session.inputMetadata.map((meta) => {
      if (!meta.isTensor) throw new Error(`${meta.name} is no tensor`);
      return [meta.name, { dtype: meta.type as DType, shape: meta.shape }] as const;
    });
    const { outputNames: outputs } = session;
    return {
      session: sessions.push(session) - 1,
      version: env.versions.web ?? '',
      inputs,
      outputs,
    };
  },

  async run(session, feeds) {
    const inputs = Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
      name,
      new Tensor(dtype as 'float32', data as Float32Array, shape),
    ]);
    const results = await sessions[session]?.run(Object.fromEntries(inputs));
    const outputs = Object.entries(results ?? {}).map(([name, { type, dims, data }]) => [
      name,
      { dtype: type, shape: dims, data },
    ]);
    return Object.fromEntries(outputs);
  },

  async close(session) {
    await sessions[session]?.release();
  },
};

Object.assign(globalThis, functions);
