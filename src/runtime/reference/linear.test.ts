import fc from 'fast-check';
import { dims, floats, seeds, withAxis, testStandard } from '../../../test/standard-call.ts';
import { float, int } from '../../ir/attributes.ts';
import { linearKernels } from './linear.ts';

const matMul = fc
  .record({
    stack: dims(1, 3),
    inner: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 40 }),
    seed: seeds,
  })
  .map(({ stack, inner, columns, seed }) => ({
    inputs: [floats([...stack, inner], seed), floats([inner, columns], seed + 1)],
  }));

const gemm = matMul.chain(({ inputs: [, b] }) =>
  fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 5 }), fc.nat(3)).map(([transposed, rows, way]) => {
    const [inner = 1, columns = 1] = b?.shape ?? [];
    const biases = [[columns], [1, columns], [rows, 1]];
    const bias = biases[way];
    return {
      inputs: [
        floats([rows, inner], way),
        floats(transposed === 1 ? [columns, inner] : [inner, columns], way + 1),
        ...(bias ? [floats(bias, 9)] : []),
      ],
      attributes: { transB: int(transposed) },
    };
  }),
);

const layerNorm = withAxis.chain(({ shape, axis, seed }) =>
  fc.boolean().map((biased) => {
    const wide = [...shape.slice(0, -1), 8];
    const part = wide.slice(axis);
    return {
      inputs: [floats(wide, seed), floats(part, seed + 1), ...(biased ? [floats(part, 3)] : [])],
      attributes: { axis: int(axis), epsilon: float(1e-3) },
    };
  }),
);

testStandard(linearKernels, {
  MatMul: matMul,
  Gemm: gemm,
  LayerNormalization: layerNorm,
});
