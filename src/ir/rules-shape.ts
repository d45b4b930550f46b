// Rules of operators that make, read or rearrange shapes.

import type { Dim } from '../base/tensors.ts';
import { axisOf, type Dims, mergeDims, product, ShapeError } from './dims.ts';
import { entriesOf, fact, intOf, intsOf, need, type Rule, sameDType, shapeOf } from './facts.ts';

const constantRule: Rule = (node) => {
  const { value, value_int: int, value_float: float, value_ints: list } = node.attributes;
  if (value?.kind === 'tensor') {
    return [fact(value.value.dtype, value.value.shape, value.value.values)];
  }
  if (int?.kind === 'int') return [fact('int64', [], [int.value])];
  if (float?.kind === 'float') return [fact('float32', [])];
  if (list?.kind === 'ints') return [fact('int64', [list.value.length], list.value)];
  throw new ShapeError('a Constant without a value');
};

const shape: Rule = (node, facts) => {
  const dims = shapeOf(need(facts, 0));
  const part = dims.slice(intOf(node, 'start', 0), node.attributes['end'] && intOf(node, 'end'));
  return [fact('int64', [part.length], part)];
};

const constantOfShape: Rule = (node, facts) => {
  const value = node.attributes['value'];
  return [
    fact(value?.kind === 'tensor' ? value.value.dtype : 'float32', entriesOf(need(facts, 0))),
  ];
};

const reshape: Rule = (_, facts) => {
  const [x, target] = [need(facts, 0), entriesOf(need(facts, 1))];
  const from = shapeOf(x);
  const to = target.map((dim, axis) => (dim === 0 ? (from[axis] ?? null) : dim));
  return [fact(x.type.dtype, inferredDim(from, to), x.entries)];
};

/** A shape with -1 replaced by what is left, where that can be said. */
function inferredDim(from: Dims, to: Dims): Dims {
  const open = to.indexOf(-1);
  if (open < 0) {
    const [before, after] = [product(from), product(to)];
    if (typeof before === 'number' && typeof after === 'number' && before !== after) {
      throw new ShapeError(`${before} elements do not fill ${after}`);
    }
    return to;
  }
  const rest = to.filter((_, axis) => axis !== open);
  // Dimensions on both sides cancel, so names do not stand in the way.
  const left = [...from];
  const right = rest.filter((dim) => {
    const at = left.indexOf(dim);
    if (at >= 0 && dim !== null) left.splice(at, 1);
    return at < 0 || dim === null;
  });
  const [total, known] = [product(left), product(right)];
  const size = divided(total, known);
  return to.map((dim, axis) => (axis === open ? size : dim));
}

function divided(total: Dim, known: Dim): Dim {
  if (known === 1) return total;
  if (typeof total !== 'number' || typeof known !== 'number') return null;
  if (known === 0 || total % known !== 0) {
    throw new ShapeError(`${total} elements do not divide by ${known}`);
  }
  return total / known;
}

const squeeze: Rule = (_, facts) => {
  const [x, axes] = [need(facts, 0), facts[1]];
  const dims = shapeOf(x);
  const gone = (axes ? entriesOf(axes) : dims.map((dim, axis) => (dim === 1 ? axis : null)))
    .filter((axis) => typeof axis === 'number')
    .map((axis) => axisOf(axis, dims.length));
  for (const axis of gone) {
    const dim = dims[axis];
    if (typeof dim === 'number' && dim !== 1) throw new ShapeError(`axis ${axis} is ${dim}, not 1`);
  }
  return [
    fact(
      x.type.dtype,
      dims.filter((_dim, axis) => !gone.includes(axis)),
      x.entries,
    ),
  ];
};

const unsqueeze: Rule = (_, facts) => {
  const [x, axes] = [need(facts, 0), entriesOf(need(facts, 1))];
  const rank = shapeOf(x).length + axes.length;
  const at = axes.map((axis) => axisOf(Number(axis), rank));
  const rest = [...shapeOf(x)];
  const dims = Array.from({ length: rank }, (_unused, axis) =>
    at.includes(axis) ? 1 : (rest.shift() ?? null),
  );
  return [fact(x.type.dtype, dims, x.entries)];
};

const transpose: Rule = (node, facts) => {
  const x = need(facts, 0);
  const dims = shapeOf(x);
  const perm = intsOf(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (perm.toSorted((a, b) => a - b).join() !== dims.map((_, axis) => axis).join()) {
    throw new ShapeError(`perm ${perm} of rank ${dims.length}`);
  }
  return [
    fact(
      x.type.dtype,
      perm.map((axis) => dims[axis] ?? null),
    ),
  ];
};

const concat: Rule = (node, facts) => {
  const parts = facts.map((_, index) => need(facts, index));
  const dtype = sameDType(parts);
  const axis = axisOf(intOf(node, 'axis'), shapeOf(need(facts, 0)).length);
  const open = parts.map((part) => shapeOf(part).map((dim, at) => (at === axis ? null : dim)));
  const around = open.reduce<Dims>((a, b) => mergeDims(a, b, 'Concat'), open[0] ?? []);
  const sizes = parts.map((part) => shapeOf(part)[axis] ?? null);
  const lengths = sizes.filter((size) => size !== 0);
  const total = lengths.every((size) => typeof size === 'number')
    ? lengths.reduce<number>((sum, size) => sum + Number(size), 0)
    : lengths.length === 1
      ? (lengths[0] ?? null)
      : null;
  const known = around.length === 1 && parts.every((part) => part.entries);
  const entries = known ? parts.flatMap((part) => part.entries ?? []) : undefined;
  return [fact(dtype, around.with(axis, total), entries)];
};

const split: Rule = (node, facts) => {
  const x = need(facts, 0);
  const dims = shapeOf(x);
  const axis = axisOf(intOf(node, 'axis', 0), dims.length);
  const count = node.outputs.length;
  const sizes = facts[1] ? entriesOf(facts[1]) : equalParts(dims[axis] ?? null, count);
  if (sizes.length !== count) throw new ShapeError(`${sizes.length} sizes for ${count} outputs`);
  const [whole, sum] = [dims[axis], sizes.reduce<number>((a, b) => a + Number(b ?? Number.NaN), 0)];
  if (typeof whole === 'number' && !Number.isNaN(sum) && whole !== sum) {
    throw new ShapeError(`parts of ${sum} do not fill ${whole}`);
  }
  return sizes.map((size) => fact(x.type.dtype, dims.with(axis, size)));
};

function equalParts(size: Dim, count: number): readonly Dim[] {
  if (typeof size === 'number' && size % count !== 0) {
    throw new ShapeError(`${size} does not split into ${count} equal parts`);
  }
  return Array.from({ length: count }, () => (typeof size === 'number' ? size / count : null));
}

const slice: Rule = (_, facts) => {
  const [x, starts, ends] = [need(facts, 0), entriesOf(need(facts, 1)), entriesOf(need(facts, 2))];
  const dims = shapeOf(x);
  const axes = facts[3] ? entriesOf(facts[3]) : starts.map((_unused, axis) => axis);
  let sliced: Dims = dims;
  for (const [i, axis] of axes.entries()) {
    const at = axisOf(Number(axis), dims.length);
    const [start, end] = [starts[i] ?? null, ends[i] ?? null];
    const length = slicedLength(dims[at] ?? null, start, end);
    sliced = sliced.map((dim, other) => (other === at ? length : dim));
  }
  const range = dims.length === 1 && x.entries && typeof starts[0] === 'number';
  const end = Number(ends[0] ?? Number.NaN);
  const entries =
    range && !Number.isNaN(end) ? x.entries?.slice(Number(starts[0]), end) : undefined;
  return [fact(x.type.dtype, sliced, entries)];
};

function slicedLength(size: Dim, start: Dim, end: Dim): Dim {
  if (start === 0 && end !== null && end === size) return size;
  if (typeof size !== 'number' || typeof start !== 'number' || typeof end !== 'number') return null;
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  return Math.max(clamp(end) - clamp(start), 0);
}

const range: Rule = (_, facts) => {
  const dtype = sameDType(facts);
  const [start, limit, delta] = [0, 1, 2].map((i) => entriesOf(need(facts, i))[0] ?? null);
  if (start === 0 && delta === 1 && typeof limit === 'string') return [fact(dtype, [limit])];
  if ([start, limit, delta].some((dim) => typeof dim !== 'number')) return [fact(dtype, [null])];
  const length = Math.max(Math.ceil((Number(limit) - Number(start)) / Number(delta)), 0);
  const entries = Array.from({ length }, (_unused, i) => Number(start) + i * Number(delta));
  return [fact(dtype, [length], entries)];
};

export const shapeRules: Readonly<Record<string, Rule>> = {
  Constant: constantRule,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Range: range,
};
