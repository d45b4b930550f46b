// A model as a runner. Its weights stay in memory, in single precision where the file has no more.

import { ToolkitError } from '../../base/errors.ts';
import type { Runner } from '../../base/runner.ts';
import type { Tensor } from '../../base/tensors.ts';
import type { Initializer, Model, Value as GraphValue } from '../../ir/graph.ts';
import type { RealTensor } from '../../op.ts';
import { readFeeds } from './feeds.ts';
import { compile, type Values } from './program.ts';
import { tensorOf } from './tensors.ts';
import type { Value } from './value.ts';

/** Reads the weights of a model, each by `read`, and makes it ready to run. */
export async function openReference(
  model: Model,
  read: (initializer: Initializer) => Promise<RealTensor>,
): Promise<Runner> {
  checkOpset(model);
  const { inputs, outputs, initializers } = model.graph;
  const program = compile(model.graph);
  const weights = new Map<string, Value>();
  for (const initializer of initializers) {
    const { name, type } = initializer;
    weights.set(name, { ...(await read(initializer)), dtype: type.dtype });
  }
  return {
    name: 'reference (float64)',
    inputs: new Map(inputs.map(({ name, type }) => [name, type])),
    outputs: outputs.map(({ name }) => name),
    run: async (feeds) => {
      const results = await program(readFeeds(inputs, feeds), weights);
      return new Map(outputs.map((output) => [output.name, outputOf(output, results)]));
    },
    close: async () => weights.clear(),
  };
}

function outputOf({ name, type }: GraphValue, results: Values): Tensor {
  const value = results.get(name);
  if (value?.dtype === type.dtype) return tensorOf(value);
  throw new ToolkitError('ONNX_INVALID', 'an output has the dtype that the model declares', {
    where: { output: name, declared: type.dtype, computed: value?.dtype ?? 'nothing' },
  });
}

// Operators mean what they do here in these versions; before and after, some have other inputs.
const opsets = { oldest: 21, newest: 24 };

function checkOpset({ opsets: imported }: Model): void {
  const version = imported[''] ?? 0;
  if (version >= opsets.oldest && version <= opsets.newest) return;
  throw new ToolkitError(
    'UNSUPPORTED_OPERATOR',
    `the reference runtime has ONNX's operators of opset ${opsets.oldest} to ${opsets.newest}`,
    { where: { opset: version }, fix: 'convert the checkpoint again' },
  );
}
