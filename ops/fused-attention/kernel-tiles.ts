// Flash attention of prompts and of several tokens at once: a workgroup takes a tile of queries of
// one row and head and walks over blocks of the keys that any of them sees, with a running maximum
// and sum in f32. Blocks begin at the first visible key, so a sliding layer costs
// sequence × window. Keys before the row's first token come from the cache, the rest from qkv, for
// the cache is written afterwards.
//
// Thread (g, lane) of g < queries / 4 and lane < 8 has the queries g, g + queries / 4, … as the four
// parts of a vector: their scores with keys lane, lane + 8, … and their outputs in dimensions of
// vectors lane, lane + 8, … Values take the place of the keys in workgroup memory.

import {
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
  rowsBinding,
  slotStart,
  widthsOf,
} from './kernel-shape.ts';
import { pitchOf, sharePitchOf, threadsOf, type TileSize, tileSize } from './kernel-tile-size.ts';

/** rows, tiles, qkv (rotated), keys and values where there is a cache → context. */
export function attendTiles(shape: AttentionShape, limits: GpuLimits): Kernel {
  const { heads, element, cached } = shape;
  const size = tileSize(shape, limits);
  const bindings = [
    rowsBinding,
    { name: 'tiles', access: 'read', element: 'vec2<u32>' } as const,
    { name: 'qkv', access: 'read', element } as const,
    ...(cached ? cacheBindings(shape, 'read') : []),
    { name: 'context', access: 'read_write', element } as const,
  ];
  const wgsl = `${header(bindings)}
${memory(shape, size)}
${loadBlock(shape, size, 'keys')}
${loadBlock(shape, size, 'values')}

@compute @workgroup_size(${threadsOf(size)})
fn main(
  ${mainParameters}
) {
  let tile = group.x + group.z * groups.x;
  if (tile >= lengths.tiles) { return; }
  let head = group.y;
  let row = rows[tiles[tile].x];
  let first = tiles[tile].y;
  let count = min(${size.queries}u, row.y - first);
  let slot = ${cached ? 'row.z + first' : 'first'};
  let end = slot + count;
${loadQueries(shape, size)}
${attend(shape, size)}
${finish(shape, size)}
}
`;
  return {
    name: 'attend-tiles',
    wgsl,
    bindings,
    grid: ({ tiles }) => {
      const x = Math.min(tiles, limits.workgroupsPerDimension);
      return [x, heads, x === 0 ? 0 : Math.ceil(tiles / x)];
    },
  };
}

function memory(shape: AttentionShape, size: TileSize): string {
  return `
var<workgroup> tile_queries: array<vec4<f32>, ${size.queries * pitchOf(shape)}>;
var<workgroup> block: array<vec4<f32>, ${size.keys * pitchOf(shape)}>;
var<workgroup> shares: array<vec4<f32>, ${size.keys * sharePitchOf(size)}>;
var<workgroup> of_thread: array<vec4<f32>, ${threadsOf(size)}>;`;
}

/** WGSL of a function that brings the keys or values of a block into workgroup memory. */
function loadBlock(shape: AttentionShape, size: TileSize, what: 'keys' | 'values'): string {
  const { element, cached } = shape;
  const { head, row, qkv } = widthsOf(shape);
  const part = what === 'keys' ? row : 2 * row;
  const fresh = load(
    element,
    'qkv',
    `(row.x + slot${cached ? ' - row.z' : ''}) * ${qkv}u + ${part}u + head * ${head}u + vector`,
  );
  const past = load(
    element,
    what,
    `${slotStart(shape, 'slot', 'row.w')} + head * ${head}u + vector`,
  );
  const either = `if (slot < row.z) {
        loaded = ${past};
      } else {
        loaded = ${fresh};
      }`;
  return `
fn load_${what}(start: u32, end: u32, row: vec4<u32>, head: u32, thread: u32) {
  for (var i = thread; i < ${size.keys * head}u; i += ${threadsOf(size)}u) {
    let slot = start + i / ${head}u;
    let vector = i % ${head}u;
    var loaded = vec4<f32>(0.0);
    if (slot < end) {
      ${cached ? either : `loaded = ${fresh};`}
    }
    block[i / ${head}u * ${pitchOf(shape)}u + vector] = loaded;
  }
}`;
}

function loadQueries(shape: AttentionShape, size: TileSize): string {
  const { head, qkv } = widthsOf(shape);
  const at = `(row.x + first + i / ${head}u) * ${qkv}u + head * ${head}u + i % ${head}u`;
  return `
  for (var i = thread; i < ${size.queries * head}u; i += ${threadsOf(size)}u) {
    var loaded = vec4<f32>(0.0);
    if (i / ${head}u < count) {
      loaded = ${load(shape.element, 'qkv', at)} * ${queryFactor(shape)};
    }
    tile_queries[i / ${head}u * ${pitchOf(shape)}u + i % ${head}u] = loaded;
  }`;
}

/** WGSL: the walk over the blocks; declares `total` and the outputs `sum_{query}_{vector}`. */
function attend(shape: AttentionShape, size: TileSize): string {
  const quarter = size.queries / 4;
  const keys = range(size.keys / 8);
  const sums = outputs(shape);
  return `
  let lane = thread % 8u;
  let four = thread / 8u;
  let slots = vec4<u32>(slot + four) + vec4<u32>(0u, ${quarter}u, ${2 * quarter}u, ${3 * quarter}u);
  var highest = vec4<f32>(${lowest});
  var total = vec4<f32>(0.0);
${sums.map(({ name }) => `  var ${name} = vec4<f32>(0.0);`).join('\n')}

  for (var start = ${firstVisible(shape, 'slot')}; start < end; start += ${size.keys}u) {
    workgroupBarrier();
    load_keys(start, end, row, head, thread);
    workgroupBarrier();
${scores(shape, size)}
    of_thread[thread] = ${keys.map((j) => `score_${j}`).reduce((a, b) => `max(${a}, ${b})`)};
    workgroupBarrier();

    var higher = highest;
    for (var i = 0u; i < 8u; i++) { higher = max(higher, of_thread[four * 8u + i]); }
    let fade = exp2(highest - higher);
    highest = higher;
    total *= fade;
${sums.map(({ name, query }) => `    ${name} *= fade[${query}];`).join('\n')}
${keys
  .map(
    (j) => `    let share_${j} = exp2(score_${j} - highest);
    total += share_${j};
    shares[(lane + ${8 * j}u) * ${sharePitchOf(size)}u + four] = share_${j};`,
  )
  .join('\n')}
    load_values(start, end, row, head, thread);
    workgroupBarrier();
${accumulate(shape, size)}
  }`;
}

/** WGSL: declares `score_{j}` of key lane + 8 j, a part for each of the thread's queries. */
function scores(shape: AttentionShape, size: TileSize): string {
  const { head } = widthsOf(shape);
  const pitch = pitchOf(shape);
  const keys = range(size.keys / 8);
  const query = (i: number): string =>
    `tile_queries[(four + ${(i * size.queries) / 4}u) * ${pitch}u + vector]`;
  const sees = (key: string): string =>
    shape.window < 0
      ? `${key} <= slots`
      : `(${key} <= slots) & (${key} + vec4<u32>(${shape.window}u) > slots)`;
  return `${keys.map((j) => `    var score_${j} = vec4<f32>(0.0);`).join('\n')}
    for (var vector = 0u; vector < ${head}u; vector++) {
${range(4)
  .map((i) => `      let query_${i} = ${query(i)};`)
  .join('\n')}
${keys
  .map((j) => {
    const dots = range(4).map((i) => `dot(query_${i}, key_${j})`);
    return `      let key_${j} = block[(lane + ${8 * j}u) * ${pitch}u + vector];
      score_${j} += vec4<f32>(${dots.join(', ')});`;
  })
  .join('\n')}
    }
${keys
  .map((j) => {
    const key = `vec4<u32>(start + lane + ${8 * j}u)`;
    return `    score_${j} = select(vec4<f32>(${masked}), score_${j}, ${sees(key)});`;
  })
  .join('\n')}`;
}

/** WGSL: adds the values of a block, each by its share. */
function accumulate(shape: AttentionShape, size: TileSize): string {
  return `    for (var key = 0u; key < ${size.keys}u; key++) {
      let share = shares[key * ${sharePitchOf(size)}u + four];
${vectorsOfThread(shape)
  .map((at, v) => `      let value_${v} = block[key * ${pitchOf(shape)}u + ${at}];`)
  .join('\n')}
${outputs(shape)
  .map(({ name, query, vector }) => `      ${name} += share[${query}] * value_${vector};`)
  .join('\n')}
    }`;
}

/** WGSL: divides by the sums over all keys and stores what queries there are. */
function finish(shape: AttentionShape, size: TileSize): string {
  const { head, row } = widthsOf(shape);
  const stores = range(4).map((i) => {
    const query = `four + ${(i * size.queries) / 4}u`;
    const start = `(row.x + first + ${query}) * ${row}u + head * ${head}u`;
    const each = outputs(shape)
      .filter(({ query: of }) => of === i)
      .map(({ name, vector }) => {
        const at = `lane + ${8 * vector}u`;
        const put = store(shape.element, 'context', `${start} + ${at}`, `${name} * inverse[${i}]`);
        return 8 * vector + 8 <= head ? put : `if (${at} < ${head}u) { ${put} }`;
      });
    return `  if (${query} < count) {\n    ${each.join('\n    ')}\n  }`;
  });
  return `
  of_thread[thread] = total;
  workgroupBarrier();
  var all = vec4<f32>(0.0);
  for (var i = 0u; i < 8u; i++) { all += of_thread[four * 8u + i]; }
  let inverse = 1.0 / all;
${stores.join('\n')}`;
}

/** Where the vectors of a thread lie; beyond the head's last one that one again, not stored. */
function vectorsOfThread(shape: AttentionShape): readonly string[] {
  const { head } = widthsOf(shape);
  return range(Math.ceil(head / 8)).map((v) =>
    8 * v + 8 <= head ? `lane + ${8 * v}u` : `min(lane + ${8 * v}u, ${head - 1}u)`,
  );
}

function outputs(
  shape: AttentionShape,
): readonly { readonly name: string; readonly query: number; readonly vector: number }[] {
  return range(4).flatMap((query) =>
    vectorsOfThread(shape).map((_, vector) => ({ name: `sum_${query}_${vector}`, query, vector })),
  );
}
