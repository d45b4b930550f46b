import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor, TensorType } from '../../src/base/tensors.ts';
import { float, int } from '../../src/ir/attributes.ts';
import type { RealTensor } from '../../src/op.ts';
import { type Case, expectAgreement, noise } from '../../test/agree.ts';
import { oneNodeModel } from '../../test/one-node.ts';
import { fusedAttention } from './op.ts';

interface Shape {
  readonly heads: number;
  readonly headDim: number;
  readonly window: number;
  readonly scale: number;
}

/** One call: row b's tokens end in slot `last[b]`. */
interface Chunk {
  readonly dtype?: 'float32' | 'float16';
  readonly sequence: number;
  readonly past: number;
  readonly total: number;
  readonly last: readonly number[];
  readonly shape: Shape;
  readonly seed: number;
}

const positions = 48;

const shapes = fc.record({
  heads: fc.constantFrom(1, 3),
  headDim: fc.constantFrom(8, 16, 24, 32, 64, 128),
  window: fc.constantFrom(-1, 1, 3, 8, 40),
  scale: fc.constantFrom(0.05, 0.25),
});

function chunk({ dtype = 'float32', sequence, past, total, last, shape, seed }: Chunk): Case {
  const { heads, headDim, window, scale } = shape;
  const batch = last.length;
  const cache = [batch, heads, past, headDim];
  const prompt = sequence === total;
  const rows = Math.max(past, total);
  return {
    inputs: [
      noise(dtype, [batch, sequence, 3 * heads * headDim], seed, 2),
      noise(dtype, cache, seed + 1, 2),
      noise(dtype, cache, seed + 2),
      { dtype: 'int32', shape: [batch], data: Int32Array.from(last) },
      { dtype: 'int32', shape: [], data: Int32Array.of(total) },
      ...tables(dtype, headDim),
    ],
    attributes: { num_heads: int(heads), scale: float(scale), window: int(window) },
    symbols: [
      ['batch', 'sequence', null],
      ['batch', null, 'past', null],
      ['batch', null, 'past', null],
      ['batch'],
    ],
    // GroupQueryAttention: no past, or one token, or one row.
    meanings: prompt || sequence === 1 || batch === 1 ? ['body', 'contrib'] : ['body'],
    specified: (meaning, output, index) => {
      if (output > 0) {
        const row = Math.floor(index / headDim);
        return row % rows <= (last[Math.floor(row / rows / heads)] ?? 0);
      }
      // Rows of the padding are garbage in GroupQueryAttention only.
      const token = Math.floor(index / headDim / heads);
      const end = last[Math.floor(token / sequence)] ?? 0;
      const slot = (token % sequence) + (prompt ? 0 : end + 1 - sequence);
      return meaning === 'body' || slot <= end;
    },
  };
}

function tables(dtype: 'float32' | 'float16', headDim: number): readonly Tensor[] {
  // Any pairs of numbers will do: the operator does not ask that they be angles.
  return [11, 12].map((seed) => noise(dtype, [positions, headDim / 2], seed));
}

/** A prompt in slots 0 …, padded on the right, in an empty cache or one with room. */
const prompts = (dtype: 'float32' | 'float16'): fc.Arbitrary<Case> =>
  fc
    .record({
      sequence: fc.integer({ min: 1, max: 20 }),
      padding: fc.array(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: 4 }),
      past: fc.constantFrom(0, 0, 3, 30),
      shape: shapes,
      seed: fc.nat(),
    })
    .map(({ padding, ...rest }) => {
      const last = padding.map((pads) => Math.max(rest.sequence - 1 - pads, 0));
      return chunk({ ...rest, dtype, total: rest.sequence, last });
    });

/** Later tokens: a row ends at slot total - 1 or before, and the past may have spare rows. */
const appends = (dtype: 'float32' | 'float16', sequences: fc.Arbitrary<number>, maxBatch = 4) =>
  fc
    .record({
      sequence: sequences,
      used: fc.integer({ min: 1, max: 20 }),
      spare: fc.constantFrom(0, 0, 0, 1, 3, 30),
      behind: fc.array(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: maxBatch }),
      level: fc.boolean(),
      shape: shapes,
      seed: fc.nat(),
    })
    .map(({ used, spare, behind, level, ...rest }) => {
      const total = used + rest.sequence;
      const last = behind.map((by) => total - 1 - (level ? 0 : Math.min(by, used)));
      return chunk({ ...rest, dtype, past: used + spare, total, last });
    });

test('reference and bodies agree on prompts with right padding', async () => {
  await expectAgreement(fusedAttention, prompts('float32'), { tolerance: 2e-5, runs: 120 });
});

test('they agree on single tokens after pasts of unequal length', async () => {
  const cases = appends('float32', fc.constant(1));
  await expectAgreement(fusedAttention, cases, { tolerance: 2e-5, runs: 120 });
});

test('they agree on several tokens after a past, the standard body for any batch', async () => {
  const several = fc.integer({ min: 2, max: 9 });
  await expectAgreement(fusedAttention, appends('float32', several), {
    tolerance: 2e-5,
    runs: 100,
  });
  await expectAgreement(fusedAttention, appends('float32', several, 1), {
    tolerance: 2e-5,
    runs: 80,
  });
});

test('the same bodies serve half floats', async () => {
  const bounds = { tolerance: 2e-2, runs: 40 };
  await expectAgreement(fusedAttention, prompts('float16'), bounds);
  await expectAgreement(fusedAttention, appends('float16', fc.integer({ min: 1, max: 5 })), bounds);
});

test('a query whose window lies behind the last key of its row yields zeros', async () => {
  const shape = { heads: 1, headDim: 16, window: 2, scale: 0.25 };
  const one = chunk({ sequence: 6, past: 0, total: 6, last: [1], shape, seed: 5 });
  const real = one.inputs.map(({ shape: dims, data }) => ({
    shape: dims,
    data: Float64Array.from({ length: data.length }, (_, i) => Number(data[i])),
  }));
  const [output] = fusedAttention.reference(real, one.attributes);
  const tokens = Array.from({ length: 6 }, (_, s) => output?.data.subarray(16 * s, 16 * s + 16));
  // Slots 0 and 1 hold tokens: slot 2 still sees slot 1, slot 3 sees nothing.
  const zero = tokens.map((token) => token?.every((value) => value === 0));
  expect(zero).toEqual([false, false, false, true, true, true]);
  await expectAgreement(fusedAttention, fc.constant(one), { tolerance: 2e-5, runs: 1 });
});

test('heads that GroupQueryAttention refuses keep the standard body', () => {
  const nodes = (headDim: number): readonly string[] => {
    const shape = { heads: 2, headDim, window: -1, scale: 0.25 };
    const { inputs, attributes } = chunk({
      sequence: 2,
      past: 0,
      total: 2,
      last: [1],
      shape,
      seed: 0,
    });
    const [fn] = oneNodeModel(fusedAttention, { inputs, attributes }, 'contrib').functions;
    return fn?.nodes.map(({ op }) => op) ?? [];
  };
  expect(nodes(64)).toEqual(['GroupQueryAttention']);
  expect(nodes(24)).toContain('If');
});

test('present is as long as the sequence where there is no past, else it depends on total', () => {
  const [output, key, value] = infer();
  expect(output).toEqual({ dtype: 'float32', shape: ['batch', 'sequence', 32] });
  expect(key).toEqual({ dtype: 'float32', shape: ['batch', 2, null, 16] });
  expect(value).toEqual(key);
  const none = { past_key: float32('batch', 2, 0, 16), past_value: float32('batch', 2, 0, 16) };
  expect(infer(none)[1]?.shape).toEqual(['batch', 2, 'sequence', 16]);
});

test('errors name the operator, the input and the rule', () => {
  expect(() => infer({ qkv: float32('batch', 96) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: qkv must be [batch, sequence, 3·2·16] (qkv=float32 batch×96, cos=float32 48×8)]`,
  );
  expect(() => infer({ qkv: float32(2, 3, 95) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: qkv must be [batch, sequence, 3·2·16] (qkv=float32 2×3×95, cos=float32 48×8)]`,
  );
  expect(() => infer({ past_key: float32('b', 3, 4, 16) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: past_key must be [batch, 2, past, 16] (past_key=float32 b×3×4×16, qkv=float32 batch×sequence×96, cos=float32 48×8)]`,
  );
  expect(() => infer({ past_value: float32('b', 2, 4, 8) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: past_value must be [batch, 2, past, 16] (past_value=float32 b×2×4×8, qkv=float32 batch×sequence×96, cos=float32 48×8)]`,
  );
  expect(() =>
    infer({ past_key: float32('b', 2, 4, 16), past_value: float32('b', 2, 5, 16) }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: past_key and past_value must be of one length (past_key=float32 b×2×4×16, past_value=float32 b×2×5×16)]`,
  );
  expect(() =>
    infer({ seqlens_k: { dtype: 'int64', shape: [2] } }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: seqlens_k must be int32 (seqlens_k=int64 2)]`,
  );
  expect(() => infer({ total: { dtype: 'int32', shape: [1] } })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: total must be a scalar (total=int32 1)]`,
  );
  expect(() => infer({ cos: float32(48, 'half') })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: cos must be [positions, headDim / 2] with a known headDim (cos=float32 48×half)]`,
  );
  expect(() => infer({ sin: float32(47, 8) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: sin must have the shape of cos (sin=float32 47×8, cos=float32 48×8)]`,
  );
  expect(() =>
    infer({ cos: { dtype: 'float16', shape: [48, 8] } }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: cos must have the dtype of qkv (cos=float16 48×8, qkv=float32 batch×sequence×96)]`,
  );
  expect(() => infer({}, { window: int(0) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: window must be -1 or at least 1, not 0]`,
  );
  expect(() => infer({}, { num_heads: int(0) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: num_heads must be at least 1, not 0]`,
  );
  expect(() => infer({}, { scale: int(1) })).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: attribute scale must be one float (got=int)]`,
  );
  expect(() =>
    fusedAttention.infer({ inputs: [float32(1)], attributes: {} }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ToolkitError: FusedAttention: inputs must be qkv, past_key, past_value, seqlens_k, total, cos, sin (got=1)]`,
  );
});

test('a token beyond the rotary table is an error that names the limit', () => {
  const ones = (...shape: readonly number[]): RealTensor => ({
    shape,
    data: new Float64Array(shape.reduce((size, dim) => size * dim, 1)).fill(1),
  });
  const attend = (past: number, sequence: number): unknown => {
    const whole = (value: number, ...shape: readonly number[]): RealTensor => ({
      shape,
      data: Float64Array.of(value),
    });
    const cache = ones(1, 1, past, 4);
    const total = past + sequence;
    const lengths = [whole(total - 1, 1), whole(total)];
    return fusedAttention.reference(
      [ones(1, sequence, 12), cache, cache, ...lengths, ones(8, 2), ones(8, 2)],
      { num_heads: int(1), scale: float(0.5), window: int(-1) },
    );
  };
  expect(() => [attend(0, 8), attend(7, 1), attend(4, 4)]).not.toThrow();
  for (const [past, sequence] of [
    [0, 9],
    [8, 1],
    [6, 3],
  ] as const) {
    expect(() => attend(past, sequence)).toThrow(
      'a token lies beyond the rotary table (position=8, max_position_embeddings=8)',
    );
  }
});

function float32(...shape: TensorType['shape']): TensorType {
  return { dtype: 'float32', shape };
}

/** Types of the outputs for 2 heads of 16, with some inputs and attributes replaced. */
function infer(
  inputs: Readonly<Record<string, TensorType>> = {},
  attributes: Case['attributes'] = {},
): readonly TensorType[] {
  const types = {
    qkv: float32('batch', 'sequence', 96),
    past_key: float32('batch', 2, 'past', 16),
    past_value: float32('batch', 2, 'past', 16),
    seqlens_k: { dtype: 'int32', shape: ['batch'] } as const,
    total: { dtype: 'int32', shape: [] } as const,
    cos: float32(48, 8),
    sin: float32(48, 8),
    ...inputs,
  };
  const usual = { num_heads: int(2), scale: float(0.25), window: int(-1) };
  return fusedAttention.infer({
    inputs: Object.values(types),
    attributes: { ...usual, ...attributes },
  });
}
