// A fused operator as a model of one node, run by ONNX Runtime.

import * as ort from 'onnxruntime-node';
import type { Tensor, TensorType } from '../src/base/tensors.ts';
import { checkModel } from '../src/ir/check.ts';
import { type FunctionDef, fusedDomain, type Model } from '../src/ir/graph.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import type { Call, OpDef } from '../src/op.ts';
import { keepHalvesAsBits } from '../src/runtime/onnxruntime.ts';
import { ops } from '../ops/index.ts';
import { opsets } from '../ops/opsets.ts';

export type Meaning = 'body' | 'contrib';

const rules = new Map([...ops].map(([name, op]) => [name, op.infer]));

/** A model that calls the operator once and whose function has the given meaning. */
export function oneNodeModel(op: OpDef, call: Call, meaning: Meaning): Model {
  const body = op[meaning](call);
  const model: Model = {
    irVersion: 10,
    opsets: { '': opsets[meaning], [fusedDomain]: op.since },
    producer: { name: 'test', version: '0' },
    graph: {
      name: op.name,
      inputs: body.inputs.map((name, i) => ({ name, type: at(call.inputs, i) })),
      outputs: op.infer(call).map((type, i) => ({ name: at(body.outputs, i), type })),
      initializers: [],
      nodes: [nodeOf(body, call)],
      values: [],
    },
    functions: [body],
    metadata: {},
  };
  checkModel(model, rules);
  return model;
}

/** Runs a model in ONNX Runtime with its inputs in order; the outputs in order. */
export async function runModel(
  model: Model,
  inputs: readonly Tensor[],
): Promise<readonly Tensor[]> {
  const session = await sessionOf(encodeModel(model, new Map()));
  const feeds = model.graph.inputs.map(({ name }, i) => [name, toOrt(at(inputs, i))] as const);
  const results = await session.run(Object.fromEntries(feeds));
  return model.graph.outputs.map(({ name }) => {
    const { dims, data, type } = results[name] ?? {};
    return { dtype: type, shape: dims, data } as Tensor;
  });
}

// Shapes are symbols, so a few sessions serve many cases.
keepHalvesAsBits(ort);

const sessions = new Map<string, Promise<ort.InferenceSession>>();

function sessionOf(bytes: Uint8Array): Promise<ort.InferenceSession> {
  const key = Array.from(bytes, (byte) => String.fromCodePoint(byte)).join('');
  const known = sessions.get(key);
  if (known) return known;
  const options = { logSeverityLevel: 3, intraOpNumThreads: 1 } as const;
  const opened = ort.InferenceSession.create(bytes, options);
  sessions.set(key, opened);
  return opened;
}

function nodeOf(body: FunctionDef, call: Call): Model['graph']['nodes'][number] {
  const { domain, name, inputs, outputs } = body;
  return { domain, op: name, inputs, outputs, attributes: call.attributes };
}

function toOrt({ dtype, shape, data }: Tensor): ort.Tensor {
  return new ort.Tensor(dtype as 'float32', data as Float32Array, shape);
}

/** The types of tensors, with the axes named here in the place of their sizes. */
export function typesOf(
  tensors: readonly Tensor[],
  symbols: readonly (readonly (string | null)[])[] = [],
): readonly TensorType[] {
  return tensors.map(({ dtype, shape }, i) => ({
    dtype,
    shape: shape.map((size, axis) => symbols[i]?.[axis] ?? size),
  }));
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`no element ${index} of ${list.length}`);
  return found;
}
