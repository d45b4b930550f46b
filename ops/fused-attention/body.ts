// FusedAttention in standard ONNX.
//
// One body serves every layer and dtype: attributes come by reference, constants take the type of
// qkv. Slots and shapes stay int64, which GPU providers keep on the host; int32 would be computed
// on the device and read back. Comparisons of keys with queries, which stay there, are int32.

import { constant, elementType, int, ints, ref } from '../../src/ir/attributes.ts';
import { Builder } from '../../src/ir/builder.ts';
import { type FunctionDef, fusedDomain } from '../../src/ir/graph.ts';
import { opsets } from '../opsets.ts';

// Farther than any sequence reaches, and far from overflow when subtracted.
const far = 2 ** 30;

// Enough to vanish in a softmax and, with any score beside it, within the range of half floats.
const hidden = -3e4;

/** What the steps share: names of values. */
interface Slots {
  readonly slot: string; // [batch, sequence] int64
  readonly slot32: string; // [batch, sequence] int32
  readonly first: string; // [batch] int64
  readonly past: string; // [1] int64
  readonly total: string; // [] int64
  readonly rows: string; // [1] int64
}

export function body(): FunctionDef {
  const b = new Builder();
  const slots = place(b);
  const { query, key, value } = rotate(b, slots);
  grow(b, slots, { key, value });
  attend(b, slots, query);
  return {
    domain: fusedDomain,
    name: 'FusedAttention',
    doc: 'Rotary embedding, cache update and masked softmax attention.',
    inputs: ['qkv', 'past_key', 'past_value', 'seqlens_k', 'total', 'cos', 'sin'],
    outputs: ['output', 'present_key', 'present_value'],
    attributes: ['num_heads', 'scale', 'window'],
    nodes: b.nodes,
    opsets: { '': opsets.body },
  };
}

/** The slots of the tokens: from 0 in a prompt, else the last up to seqlens_k. */
function place(b: Builder): Slots {
  const sequence = dim(b, 'qkv', 1, 'sequence');
  const past = dim(b, 'past_key', 2, 'past');
  const total = cast(b, 'total', 'int64', 'total64');
  const rows = b.op('Max', [past, total], { as: 'rows' });

  const behind = b.op('Sub', [sequence, int64(b, 1)]);
  const appended = b.op('Sub', [cast(b, 'seqlens_k', 'int64', 'last64'), behind]);
  const prompt = b.op('Equal', [sequence, total], { as: 'prompt' });
  const first = b.op('Where', [prompt, int64(b, 0), appended], { as: 'first' });

  const steps = range(b, 'int64', b.op('Squeeze', [sequence, int64(b, [0])]));
  const slot = b.op('Add', [unsqueeze(b, first, 1), steps], { as: 'slot' });
  return { slot, slot32: cast(b, slot, 'int32', 'slot32'), first, past, total, rows };
}

/** Heads first, and queries and keys rotated together by the angles of their slots. */
function rotate(
  b: Builder,
  { slot32 }: Slots,
): { readonly query: string; readonly key: string; readonly value: string } {
  const heads = b.op('Unsqueeze', [attribute(b, 'num_heads', 'int'), int64(b, [0])]);
  const shape = b.op('Concat', [int64(b, [0, 0, 3]), heads, int64(b, [-1])], {
    attributes: { axis: int(0) },
  });
  const apart = b.op('Reshape', ['qkv', shape]); // [batch, sequence, 3, heads, headDim]
  const headsFirst = b.op('Transpose', [apart], { attributes: { perm: ints(2, 0, 3, 1, 4) } });
  b.node('Split', [headsFirst, int64(b, [2, 1])], ['query_key', 'value_1'], {
    attributes: { axis: int(0) },
  });

  const angle = (table: string): string => unsqueeze(b, b.op('Gather', [table, slot32]), 1);
  const [c, s] = [angle('cos'), angle('sin')]; // [batch, 1, sequence, headDim / 2]
  const [left = '', right = ''] = b.split('query_key', 2, -1, 'half');
  const turnedLeft = b.op('Sub', [b.op('Mul', [left, c]), b.op('Mul', [right, s])]);
  const turnedRight = b.op('Add', [b.op('Mul', [right, c]), b.op('Mul', [left, s])]);
  const turned = b.op('Concat', [turnedLeft, turnedRight], { attributes: { axis: int(-1) } });
  const [query = '', key = ''] = b.split(turned, 2, 0, 'turned'); // [1, batch, heads, sequence, headDim]
  const drop = (x: string, as: string): string => b.op('Squeeze', [x, int64(b, [0])], { as });
  return { query: drop(query, 'query'), key: drop(key, 'key'), value: drop('value_1', 'value') };
}

/** present_key and present_value: one copy where every row appends at the end of the past. */
function grow(
  b: Builder,
  slots: Slots,
  { key, value }: { readonly key: string; readonly value: string },
): void {
  const distance = b.op('Abs', [b.op('Sub', [slots.first, slots.past])]);
  const farthest = b.op('ReduceMax', [distance], { attributes: { keepdims: int(0) } });
  const appends = b.op('Equal', [farthest, int64(b, 0)], { as: 'appends' });
  const join = (past: string, fresh: string): string =>
    b.op('Concat', [past, fresh], { attributes: { axis: int(2) } });
  const then = b.branch('append', () => [join('past_key', key), join('past_value', value)]);
  const otherwise = b.branch('scatter', () => scatter(b, slots, { key, value }));
  b.if(appends, ['present_key', 'present_value'], then, otherwise);
}

/** The past made as long as it must be, with rows written where the slots say. */
function scatter(
  b: Builder,
  { slot, past, total, rows }: Slots,
  { key, value }: { readonly key: string; readonly value: string },
): readonly string[] {
  const missing = b.op('Max', [b.op('Sub', [total, past]), int64(b, [0])]);
  const longer = (old: string, fresh: string): string => {
    const filler = b.op('Slice', [fresh, int64(b, [0]), missing, int64(b, [2])]);
    return b.op('Concat', [old, filler], { attributes: { axis: int(2) } });
  };
  const outer = b.op('Shape', ['past_key'], { attributes: { start: int(0), end: int(2) } });
  const width = dim(b, 'past_key', 3, 'head_dim');

  // As a matrix of [batch · heads · rows, headDim], slot s of head h is row h · rows + s.
  const count = b.op('ReduceProd', [outer], { attributes: { keepdims: int(0) } });
  const starts = b.op('Mul', [range(b, 'int64', count), rows]);
  const perHead = b.op('Concat', [outer, int64(b, [1])], { attributes: { axis: int(0) } });
  const row = b.op('Add', [b.op('Reshape', [starts, perHead]), unsqueeze(b, slot, 1)]);
  const index = b.op('Reshape', [row, int64(b, [-1, 1])]);
  const flat = b.op('Concat', [int64(b, [-1]), width], { attributes: { axis: int(0) } });
  const shape = b.op('Concat', [outer, rows, width], { attributes: { axis: int(0) } });

  const write = (old: string, fresh: string): string => {
    const matrix = b.op('Reshape', [longer(old, fresh), flat]);
    const update = b.op('Reshape', [fresh, flat]);
    return b.op('Reshape', [b.op('ScatterND', [matrix, index, update]), shape]);
  };
  return [write('past_key', key), write('past_value', value)];
}

function attend(b: Builder, { slot32, rows }: Slots, query: string): void {
  const window = cast(b, attribute(b, 'window', 'int'), 'int32', 'window32');
  const unlimited = b.op('Less', [window, int32(b, 0)]);
  const width = b.op('Where', [unlimited, int32(b, far), window]);

  const end = b.op('Squeeze', [cast(b, rows, 'int32', 'rows32'), int64(b, [0])]);
  const key = range(b, 'int32', end); // [rows]
  const last = b.op('Unsqueeze', ['seqlens_k', int64(b, [1, 2, 3])], { as: 'last' });
  const at = b.op('Unsqueeze', [slot32, int64(b, [1, 3])], { as: 'at' }); // [batch, 1, sequence, 1]
  const before = b.op('Sub', [at, width], { as: 'before' });
  // Keys of the padding are moved out of every query's sight: one comparison less for each score.
  const inRow = b.op('LessOrEqual', [key, last]);
  const known = b.op('Where', [inRow, key, int32(b, far)]); // [batch, 1, 1, rows]
  const near = b.op('Greater', [key, before]);
  const visible = b.op('And', [near, b.op('LessOrEqual', [known, at])], { as: 'visible' });

  const scaled = b.op('Mul', [query, like(b, attribute(b, 'scale', 'float'))]);
  const keys = b.op('Transpose', ['present_key'], { attributes: { perm: ints(0, 1, 3, 2) } });
  const bias = b.op('Where', [visible, like(b, float32(b, 0)), like(b, float32(b, hidden))]);
  const scores = b.op('Add', [b.op('MatMul', [scaled, keys]), bias], { as: 'scores' });
  const shares = b.op('Softmax', [scores], { attributes: { axis: int(-1) } });
  const mixed = b.op('MatMul', [shares, 'present_value']);
  // A query whose window lies behind the last key sees none.
  const seen = like(b, b.op('Greater', [last, before]));
  const context = b.op('Mul', [mixed, seen], { as: 'context' });
  const together = b.op('Transpose', [context], { attributes: { perm: ints(0, 2, 1, 3) } });
  b.op('Reshape', [together, int64(b, [0, 0, -1])], { as: 'output' });
}

function attribute(b: Builder, name: string, as: 'int' | 'float'): string {
  return b.op('Constant', [], { as: name, attributes: { [`value_${as}`]: ref(name, as) } });
}

function int64(b: Builder, values: number | readonly number[]): string {
  return b.constant(constant('int64', values));
}

function int32(b: Builder, value: number): string {
  return b.constant(constant('int32', value));
}

function float32(b: Builder, value: number): string {
  return b.constant(constant('float32', value));
}

function like(b: Builder, x: string): string {
  return b.op('CastLike', [x, 'qkv']);
}

function cast(b: Builder, x: string, to: 'int32' | 'int64', as: string): string {
  return b.op('Cast', [x], { as, attributes: { to: elementType(to) } });
}

function unsqueeze(b: Builder, x: string, axis: number): string {
  return b.op('Unsqueeze', [x, int64(b, [axis])]);
}

function dim(b: Builder, x: string, axis: number, as: string): string {
  return b.op('Shape', [x], { as, attributes: { start: int(axis), end: int(axis + 1) } });
}

function range(b: Builder, dtype: 'int32' | 'int64', end: string): string {
  const number = dtype === 'int64' ? int64 : int32;
  return b.op('Range', [number(b, 0), end, number(b, 1)]);
}
