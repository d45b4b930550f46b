// Attention of a decode step, where every row has one token: a workgroup takes a row and head, or a
// part of its keys. It turns query and key itself, and the workgroup of the last part puts the
// token's key and value into the cache; all others read slots of the past only, and the slot of a
// ring that is overwritten has just left the window.
//
// Keys come in blocks. `lanes` threads share a key's score and add it up in workgroup memory; then
// each group of threads, one a vector of the head, sums the values of its own keys with a maximum
// of its own, so that no block waits for a common one. A thread reads a few keys or values at a
// time: a step's time is memory's. The groups are merged at the end.

import {
  type Binding,
  type GpuLimits,
  header,
  type Kernel,
  load,
  mainParameters,
  store,
} from '../../src/wgsl.ts';
import {
  type AttentionShape,
  cacheBindings,
  firstVisible,
  lowest,
  masked,
  queryFactor,
  range,
  rotaryBindings,
  rotatedPair,
  rowsBinding,
  slotStart,
  turn,
  widthsOf,
} from './kernel-shape.ts';
import { canSplit, partWidth, stepSize, type StepSize } from './kernel-step-size.ts';

/**
 * rows, qkv, cos, sin, keys, values → keys, values with the token's own, context; where the layer
 * can be split and `lengths.splits` is above 1, partials instead of context.
 */
export function attendStep(shape: AttentionShape, limits: GpuLimits): Kernel {
  const { heads, element } = shape;
  const size = stepSize(shape, limits);
  const split = canSplit(shape);
  const bindings: readonly Binding[] = [
    rowsBinding,
    { name: 'qkv', access: 'read', element },
    ...rotaryBindings(shape),
    ...cacheBindings(shape, 'read_write'),
    { name: 'context', access: 'read_write', element },
    ...(split ? [{ name: 'partials', access: 'read_write', element: 'f32' } as const] : []),
  ];
  const wgsl = `${header(bindings)}
${memory(shape, size)}

@compute @workgroup_size(${size.threads})
fn main(
  ${mainParameters}
) {
  let head = group.x;
  let row = rows[group.y];
${part(shape)}
${newToken(shape)}
  workgroupBarrier();
${start(shape, size)}
  for (var first = begin; first < end; first += ${size.keys}u) {
    let count = min(${size.keys}u, end - first);
${scoreBlock(shape, size)}
    workgroupBarrier();
${sumBlock(shape, size)}
  }
${finish(shape, size)}
}
`;
  return {
    name: 'attend-step',
    wgsl,
    bindings,
    grid: ({ rows, splits }) => [rows === 0 ? 0 : heads, rows, split ? splits : 1],
  };
}

/** Floats from the scores' parts of one lane to those of the next: they lie in different banks. */
function lanePitch({ keys }: StepSize): number {
  return keys + 4;
}

function memory(shape: AttentionShape, size: StepSize): string {
  const { threads, lanes, keys, groups, batch } = size;
  const { head } = widthsOf(shape);
  return `
var<workgroup> query: array<vec4<f32>, ${head}>;
var<workgroup> key: array<vec4<f32>, ${head}>;
var<workgroup> dots: array<f32, ${lanes * lanePitch(size)}>;
var<workgroup> scores: array<f32, ${keys + batch * groups}>;
var<workgroup> sums: array<vec4<f32>, ${threads}>;
var<workgroup> own_dots: array<f32, ${lanes}>;
var<workgroup> states: array<vec2<f32>, ${groups + 1}>;`;
}

/** WGSL: which slots of the past are this workgroup's, and whether the new token is. */
function part(shape: AttentionShape): string {
  const low = firstVisible(shape, 'row.z');
  if (!canSplit(shape)) {
    return `  let begin = ${low};
  let end = row.z;
  let last = true;`;
  }
  return `  let low = ${low};
  let each = (row.z - low + lengths.splits - 1u) / lengths.splits;
  let begin = min(low + group.z * each, row.z);
  let end = min(begin + each, row.z);
  let last = group.z + 1u == lengths.splits;`;
}

/** WGSL: the token's query and key into workgroup memory, its key and value into the cache. */
function newToken(shape: AttentionShape): string {
  const { element } = shape;
  const { head, half, row, qkv } = widthsOf(shape);
  return `
  let source = row.x * ${qkv}u + head * ${head}u;
  let own = ${slotStart(shape, 'row.z', 'row.w')} + head * ${head}u;
  if (thread < ${half}u) {
    ${turn(shape, 'row.z', 'thread')}
    ${rotatedPair(shape, { name: 'q', start: 'source', pair: 'thread' })}
    ${rotatedPair(shape, { name: 'k', start: `source + ${row}u`, pair: 'thread' })}
    query[thread] = q_low * ${queryFactor(shape)};
    query[thread + ${half}u] = q_high * ${queryFactor(shape)};
    key[thread] = k_low;
    key[thread + ${half}u] = k_high;
    if (last) {
      ${store(element, 'keys', 'own + thread', 'k_low')}
      ${store(element, 'keys', `own + ${half}u + thread`, 'k_high')}
    }
  }
  if (last && thread < ${head}u) {
    values[own + thread] = qkv[source + ${2 * row}u + thread];
  }`;
}

/** WGSL: a thread's part of the query, and its running maximum and sums, with the new token's. */
function start(shape: AttentionShape, size: StepSize): string {
  const { head, row } = widthsOf(shape);
  const parts = queryParts(shape, size).map(({ at, whole }, i) =>
    whole
      ? `  let query_${i} = query[${at}];`
      : `  let query_${i} = select(vec4<f32>(0.0), query[${at}], lane + ${i * size.lanes}u < ${head}u);`,
  );
  const dots = queryParts(shape, size).map(({ at }, i) => `dot(query_${i}, key[${at}])`);
  return `
  let lane = thread % ${size.lanes}u;
  let vector = thread % ${head}u;
  let mine = thread / ${head}u;
${parts.join('\n')}
  if (thread < ${size.lanes}u) { own_dots[thread] = ${dots.join(' + ')}; }
  workgroupBarrier();
  var highest = ${lowest};
  var total = 0.0;
  var sum = vec4<f32>(0.0);
  if (last && mine == 0u) {
    highest = ${range(size.lanes)
      .map((i) => `own_dots[${i}]`)
      .join(' + ')};
    total = 1.0;
    sum = ${load(shape.element, 'qkv', `source + ${2 * row}u + vector`)};
  }`;
}

/** The vectors of a thread's part of a key; beyond the head's last one that one, counted as 0. */
function queryParts(
  shape: AttentionShape,
  { lanes }: StepSize,
): readonly { readonly at: string; readonly whole: boolean }[] {
  const { head } = widthsOf(shape);
  return range(Math.ceil(head / lanes)).map((i) =>
    (i + 1) * lanes <= head
      ? { at: `lane + ${i * lanes}u`, whole: true }
      : { at: `min(lane + ${i * lanes}u, ${head - 1}u)`, whole: false },
  );
}

/** WGSL: reads a block's keys; beyond the last one that again, which nobody looks at. */
function scoreBlock(shape: AttentionShape, size: StepSize): string {
  const { lanes, together, batch } = size;
  const each = range(batch).map((i) => {
    const number = `number + ${i * together}u`;
    const terms = queryParts(shape, size).map(
      ({ at }, p) => `dot(query_${p}, ${load(shape.element, 'keys', `key_${i} + ${at}`)})`,
    );
    return `      let key_${i} = ${keyStart(shape, number)};
      dots[lane * ${lanePitch(size)}u + ${number}] = ${terms.join('\n        + ')};`;
  });
  return `    for (var number = thread / ${lanes}u; number < count; number += ${batch * together}u) {
${each.join('\n')}
    }`;
}

/** WGSL: scores from their parts, and what a group's keys add to its sums. */
function sumBlock(shape: AttentionShape, size: StepSize): string {
  const { lanes, keys, groups, batch } = size;
  const { element } = shape;
  const parts = range(lanes).map((lane) => `dots[thread + ${lane * lanePitch(size)}u]`);
  const each = range(batch);
  const number = (i: number): string => `number + ${i * groups}u`;
  const reads = each.map(
    (i) => `      let from_${i} = ${keyStart(shape, number(i))} + vector;
      let value_${i} = ${load(element, 'values', `from_${i}`)};
      let score_${i} = select(${masked}, scores[${number(i)}], ${number(i)} < count);`,
  );
  const adds = each.map(
    (i) => `      let share_${i} = exp2(score_${i} - higher);
      total += share_${i};
      sum += share_${i} * value_${i};`,
  );
  return `    if (thread < ${keys}u) { scores[thread] = ${parts.join(' + ')}; }
    workgroupBarrier();
    for (var number = mine; number < count; number += ${batch * groups}u) {
${reads.join('\n')}
      let higher = ${each.reduce((top, i) => `max(${top}, score_${i})`, 'highest')};
      let fade = exp2(highest - higher);
      highest = higher;
      total *= fade;
      sum *= fade;
${adds.join('\n')}
    }`;
}

/** WGSL: where the head's vectors of a block's key lie; beyond the last key, of that one. */
function keyStart(shape: AttentionShape, number: string): string {
  const slot = `first + min(${number}, count - 1u)`;
  return `${slotStart(shape, slot, 'row.w')} + head * ${widthsOf(shape).head}u`;
}

/** WGSL: merges the groups that had a key; a group that only fills the workgroup counts for none. */
function finish(shape: AttentionShape, { groups }: StepSize): string {
  const { heads, element } = shape;
  const { head, row } = widthsOf(shape);
  const whole = store(
    element,
    'context',
    `row.x * ${row}u + head * ${head}u + thread`,
    'out / all',
  );
  const parted = `if (lengths.splits == 1u) {
      ${whole}
    } else {
      let place = ((group.y * ${heads}u + head) * lengths.splits + group.z) * ${partWidth(shape)}u;
      partials[place + thread] = out;
      if (thread == 0u) { partials[place + ${head}u] = vec4<f32>(top, all, 0.0, 0.0); }
    }`;
  return `
  sums[thread] = sum;
  if (vector == 0u) { states[mine] = vec2<f32>(highest, total); }
  workgroupBarrier();
  if (thread < ${head}u) {
    let busy = clamp(end - begin, 1u, ${groups}u);
    var top = ${lowest};
    for (var i = 0u; i < busy; i++) { top = max(top, states[i].x); }
    var all = 0.0;
    var out = vec4<f32>(0.0);
    for (var i = 0u; i < busy; i++) {
      let weight = exp2(states[i].x - top);
      all += weight * states[i].y;
      out += weight * sums[i * ${head}u + thread];
    }
    ${canSplit(shape) ? parted : whole}
  }`;
}
