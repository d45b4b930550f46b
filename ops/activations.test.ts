import { expect, test } from 'vitest';
import type { Tensor } from '../src/base/tensors.ts';
import { Builder } from '../src/ir/builder.ts';
import { finish } from '../src/ir/finish.ts';
import { realOf } from '../test/agree.ts';
import { runModel } from '../test/one-node.ts';
import { type ActivationOptions, activationOf, activations } from './activations.ts';

const points = [-11, -3, -1, -0.25, 0, 0.5, 2, 7, 11];

// What torch 2 and transformers 5.18 compute for the points, in double precision.
const geluErf = [
  -0, -0.00404969409489031, -0.15865525393145702, -0.10032341857926907, 0, 0.34573123063700656,
  1.9544997361036416, 6.999999999991041, 11,
];
const geluTanh = [
  -0, -0.0036373920817729943, -0.1588080093917233, -0.100324649298315, 0, 0.34571400982514394,
  1.954597694087775, 6.999999999999997, 11,
];
const silu = [
  -0.000183715640329047, -0.14227761953270035, -0.2689414213699951, -0.10945587477855048, 0,
  0.3112296656009273, 1.7615941559557646, 6.993622641639196, 10.999816284359673,
];
const known: Readonly<Record<string, readonly number[]>> = {
  gelu: geluErf,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_fast: [
    -0, -0.003637392081860591, -0.15880800939252304, -0.10032464929840129, 0, 0.34571400982483486,
    1.9545976940871754, 6.999999999999997, 11,
  ],
  gelu_10: [...geluErf.slice(0, -1), 10],
  quick_gelu: [
    -8.138256837484064e-8, -0.01807130970778597, -0.1542042340671787, -0.09880035009980583, 0,
    0.35038843660638014, 1.9356586231442083, 6.999953128303318, 10.99999991861743,
  ],
  relu: [0, 0, 0, 0, 0, 0.5, 2, 7, 11],
  relu2: [0, 0, 0, 0, 0, 0.25, 4, 49, 121],
  relu6: [0, 0, 0, 0, 0, 0.5, 2, 6, 6],
  leaky_relu: [-0.11, -0.03, -0.01, -0.0025, 0, 0.5, 2, 7, 11],
  silu,
  swish: silu,
  mish: [
    -0.00018371717448525135, -0.1456474612756246, -0.30340146137410895, -0.129926963679141, 0,
    0.3752452113048951, 1.9439589595339946, 6.999988379809741, 10.999999993863375,
  ],
  sigmoid: [
    1.670142184809518e-5, 0.04742587317756678, 0.2689414213699951, 0.43782349911420193, 0.5,
    0.6224593312018546, 0.8807970779778823, 0.9990889488055994, 0.999983298578152,
  ],
  tanh: [
    -0.9999999994421064, -0.9950547536867305, -0.7615941559557649, -0.24491866240370913, 0,
    0.4621171572600098, 0.9640275800758169, 0.9999983369439447, 0.9999999994421064,
  ],
  elu: [
    -0.9999832982992097, -0.950212931632136, -0.6321205588285577, -0.22119921692859512, 0.0, 0.5,
    2.0, 7.0, 11.0,
  ],
  linear: points,
};

test('the table holds the activations that configs may name', () => {
  expect([...activations.keys()]).toEqual(Object.keys(known));
});

test.each(Object.entries(known))('%s computes what torch computes', (name, expected) => {
  const found = points.map(activationOf(name).apply);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 14);
});

const forms = [...activations.keys()].flatMap((name) =>
  (['node', 'formula'] as const).map((form) => [name, form] as const),
);

test.each(forms)('%s as %s computes the same in ONNX Runtime', async (name, form) => {
  const data = Float32Array.from({ length: 481 }, (_, i) => (i - 240) / 20);
  const y = await applied(name, form, { dtype: 'float32', shape: [data.length], data });
  const errors = [...data].map((x, i) => {
    const expected = activationOf(name).apply(x);
    return Math.abs((y[i] ?? Number.NaN) - expected) / (1 + Math.abs(expected));
  });
  expect(Math.max(...errors)).toBeLessThan(1e-6);
});

test('half floats are halved before they are doubled, so large values stay finite', async () => {
  const x: Tensor = { dtype: 'float16', shape: [2], data: Uint16Array.of(0x7b00, 0xfb00) };
  for (const name of ['gelu', 'gelu_new', 'gelu_fast']) {
    const [large, small] = await applied(name, 'formula', x);
    expect([large, Math.abs(small ?? 1)]).toEqual([57_344, 0]);
  }
});

test('an unknown activation is named, with the table', () => {
  expect(() => activationOf('gleu\u001b')).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: an activation must be one of the table (activation=gleu�): the table has gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, gelu_10, quick_gelu, relu, relu2, relu6, leaky_relu, silu, swish, mish, sigmoid, tanh, elu, linear]`,
  );
});

/** Values of the activation as ONNX Runtime computes it from plain nodes of a graph. */
async function applied(
  name: string,
  gelu: ActivationOptions['gelu'],
  x: Tensor,
): Promise<readonly number[]> {
  const b = new Builder();
  b.op('Identity', [activationOf(name).nodes(b, 'x', { gelu })], { as: 'y' });
  const type = { dtype: x.dtype, shape: ['n'] };
  const graph = finish('activation', b, [{ name: 'x', type }], [{ name: 'y', type }], new Map());
  const [y] = await runModel(
    {
      irVersion: 10,
      opsets: { '': 21 },
      producer: { name: 'test', version: '0' },
      graph,
      functions: [],
      metadata: {},
    },
    [x],
  );
  return y ? [...realOf(y).data] : [];
}
