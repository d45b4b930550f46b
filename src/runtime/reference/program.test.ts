import { expect, test } from 'vitest';
import { convertedCase } from '../../../test/converted-case.ts';
import { must } from '../../../test/must.ts';
import { constant, tensor } from '../../ir/attributes.ts';
import { Builder } from '../../ir/builder.ts';
import type { Graph } from '../../ir/graph.ts';
import { storedWeights } from '../../onnx/stored-weights.ts';
import { verifyModelFiles } from '../../onnx/verify-files.ts';
import { compile, type Program, type Values } from './program.ts';
import type { Value } from './value.ts';

interface Opened {
  readonly program: Program;
  readonly graph: Graph;
  readonly weights: Values;
}

/** A case's fp32 graph below the runner, where nothing is rounded to float32. */
async function openProgram(name: string): Promise<Opened> {
  const folder = await convertedCase(name, 'onnxruntime');
  const { model } = await verifyModelFiles(folder, 'model.onnx');
  const stored = storedWeights(folder, 'model.onnx');
  const weights = new Map<string, Value>();
  for (const initializer of model.graph.initializers) {
    const { name: weight, type } = initializer;
    weights.set(weight, { ...(await stored.read(initializer)), dtype: type.dtype });
  }
  return { program: compile(model.graph), graph: model.graph, weights };
}

function int64(shape: readonly number[], entries: readonly number[]): Value {
  return { dtype: 'int64', shape, data: Float64Array.from(entries) };
}

/** One run of a batch; `past` is the result of the run before. */
async function runBatch(
  { program, graph, weights }: Opened,
  ids: readonly (readonly number[])[],
  mask: readonly (readonly number[])[],
  past?: Values,
): Promise<Values> {
  const shapeOf = (rows: readonly (readonly number[])[]): readonly number[] => [
    rows.length,
    rows[0]?.length ?? 0,
  ];
  const feeds = new Map([
    ['input_ids', int64(shapeOf(ids), ids.flat())],
    ['attention_mask', int64(shapeOf(mask), mask.flat())],
    ['num_logits_to_keep', int64([], [0])],
  ]);
  for (const { name, type } of graph.inputs) {
    if (!name.startsWith('past_key_values')) continue;
    const [, heads, , headDim] = type.shape.map(Number);
    const shape = [ids.length, heads ?? 0, 0, headDim ?? 0];
    const empty: Value = { dtype: type.dtype, shape, data: new Float64Array(0) };
    feeds.set(name, past?.get(name.replace('past_key_values', 'present')) ?? empty);
  }
  return await program(feeds, weights);
}

/** One vector of logits: row b, position s. */
function logitsAt(results: Values, b: number, s: number): readonly number[] {
  const { shape, data } = must(results.get('logits'), 'logits');
  const [, length = 0, width = 0] = shape;
  return [...data.subarray((b * length + s) * width, (b * length + s + 1) * width)];
}

function expectSame(found: readonly number[], wanted: readonly number[]): void {
  const worst = wanted.reduce(
    (most, value, i) => Math.max(most, Math.abs((found[i] ?? Number.NaN) - value)),
    0,
  );
  expect(worst).toBeLessThan(1e-9);
}

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);
const text = Array.from({ length: 40 }, (_, i) => 5 + ((i * 37) % 91));

test('a prompt and tokens one by one equal the whole text at once', async () => {
  const opened = await openProgram('clm-default');
  const whole = await runBatch(opened, [text], [ones(text.length)]);
  const prompt = 30; // longer than the window
  let results = await runBatch(opened, [text.slice(0, prompt)], [ones(prompt)]);
  expectSame(logitsAt(results, 0, prompt - 1), logitsAt(whole, 0, prompt - 1));
  for (let at = prompt; at < text.length; at++) {
    results = await runBatch(opened, [text.slice(at, at + 1)], [ones(at + 1)], results);
    expectSame(logitsAt(results, 0, 0), logitsAt(whole, 0, at));
  }
  expect(results.get('present.0.key')?.shape[2]).toBe(text.length);
});

test.each(['left', 'right'])('rows padded on the %s equal rows alone', async (side) => {
  const opened = await openProgram('clm-biases-untied');
  const rows = [text.slice(0, 20), text.slice(7, 12), text.slice(30, 31)];
  const length = 20;
  const pad = (row: readonly number[], by: number): readonly number[] => {
    const filler = Array.from({ length: length - row.length }, () => by);
    return side === 'left' ? [...filler, ...row] : [...row, ...filler];
  };
  const together = await runBatch(
    opened,
    rows.map((row) => pad(row, 0)),
    rows.map((row) => pad(ones(row.length), 0)),
  );
  for (const [b, row] of rows.entries()) {
    const alone = await runBatch(opened, [row], [ones(row.length)]);
    const start = side === 'left' ? length - row.length : 0;
    for (const s of row.keys()) expectSame(logitsAt(together, b, start + s), logitsAt(alone, 0, s));
  }
});

test('lets a timer fire during a long run', async () => {
  const b = new Builder();
  let x = b.op('ConstantOfShape', ['shape'], {
    attributes: { value: tensor(constant('float32', [0.5])) },
  });
  for (let i = 0; i < 20; i++) x = b.op('Tanh', [x]);
  const value = (name: string): Graph['inputs'][number] => ({
    name,
    type: { dtype: 'int64', shape: [1] },
  });
  const program = compile({
    name: 'long',
    inputs: [value('shape')],
    outputs: [value(x)],
    initializers: [],
    nodes: b.nodes,
    values: [],
  });
  let fired = false;
  setTimeout(() => {
    fired = true;
  });
  await program(new Map([['shape', int64([1], [400_000])]]), new Map());
  expect(fired).toBe(true);
});
