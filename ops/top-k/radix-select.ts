// Which logits of a row are its largest. A histogram of their leading bits says in which of them the
// last one selected lies; the next histogram looks at the bits behind those, until all that begin
// alike are selected. Behind the logit's bits stand those of the inverted id: equal logits are
// selected as well, the lowest ids first.

import { rowThreads } from '../ordered-bits.ts';

const digitBits = 11;
const bins = 2 ** digitBits;
const binsEach = bins / rowThreads;
const idBits = 2 * digitBits;

// ids that a place has bits for
const mostColumns = 2 ** idBits;

/**
 * WGSL over `logits` and `ordered`: `least_selected`, called in uniform control flow, and
 * `is_selected`, which says of a logit's place whether it is among the `count` largest.
 */
export function radixSelect(columns: number, vectors: number): string {
  return `
// ordered bits of the logit and inverted id: no two are equal
fn place_of(bits: u32, id: u32) -> vec2<u32> {
  return vec2(ordered(bits), ${mostColumns - 1}u - id);
}

// the leading bits of a place, and which bits those are
struct Least { place: vec2<u32>, mask: vec2<u32> }

fn is_selected(place: vec2<u32>, least: Least) -> bool {
  let leading = place & least.mask;
  return leading.x > least.place.x || (leading.x == least.place.x && leading.y >= least.place.y);
}

// word of the place, lowest bit, bits
const digits = array<vec3<u32>, 5>(
  vec3(0u, ${32 - digitBits}u, ${digitBits}u),
  vec3(0u, ${32 - 2 * digitBits}u, ${digitBits}u),
  vec3(0u, 0u, ${32 - 2 * digitBits}u),
  vec3(1u, ${digitBits}u, ${digitBits}u),
  vec3(1u, 0u, ${digitBits}u),
);

var<workgroup> histogram: array<atomic<u32>, ${bins}>;
var<workgroup> shares: array<u32, ${rowThreads}>;
var<workgroup> chosen: vec3<u32>;

fn least_selected(row: u32, count: u32, thread: u32) -> Least {
  var least = Least(vec2(0u), vec2(0u));
  var wanted = count;
  var held = ${columns}u;
  for (var n = 0u; n < 5u && wanted < held; n++) {
    let digit = digits[n];
    count_digits(row, digit, least, thread);
    let found = digit_of_last(wanted, thread);
    let bits = vec2(found.x, ${bins - 1}u >> (${digitBits}u - digit.z)) << vec2(digit.y);
    if (digit.x == 0u) {
      least.place.x |= bits.x;
      least.mask.x |= bits.y;
    } else {
      least.place.y |= bits.x;
      least.mask.y |= bits.y;
    }
    wanted = found.y;
    held = found.z;
  }
  return least;
}
${countDigits(columns, vectors)}
${digitOfLast}`;
}

function countDigits(columns: number, vectors: number): string {
  return `
// histogram of a digit over the logits that begin like the last one selected
fn count_digits(row: u32, digit: vec3<u32>, least: Least, thread: u32) {
  for (var bin = thread; bin < ${bins}u; bin += ${rowThreads}u) { atomicStore(&histogram[bin], 0u); }
  workgroupBarrier();
  for (var i = thread; i < ${vectors}u; i += ${rowThreads}u) {
    let bits = logits[row * ${vectors}u + i];
    for (var j = 0u; j < 4u; j++) {
      let id = i * 4u + j;
      let place = place_of(bits[j], id);
      if (id < ${columns}u && all((place & least.mask) == least.place)) {
        let word = select(place.x, place.y, digit.x == 1u);
        atomicAdd(&histogram[extractBits(word, digit.y, digit.z)], 1u);
      }
    }
  }
  workgroupBarrier();
}`;
}

const digitOfLast = `
// (digit of the last of the largest that are wanted, how many of that digit are wanted, are there)
fn digit_of_last(wanted: u32, thread: u32) -> vec3<u32> {
  var share = 0u;
  for (var i = 0u; i < ${binsEach}u; i++) {
    share += atomicLoad(&histogram[thread * ${binsEach}u + i]);
  }
  shares[thread] = share;
  workgroupBarrier();
  var above = 0u;
  for (var i = thread + 1u; i < ${rowThreads}u; i++) { above += shares[i]; }
  if (above < wanted && wanted <= above + share) {
    var bin = thread * ${binsEach}u + ${binsEach - 1}u;
    var held = atomicLoad(&histogram[bin]);
    while (above + held < wanted) {
      above += held;
      bin -= 1u;
      held = atomicLoad(&histogram[bin]);
    }
    chosen = vec3(bin, wanted - above, held);
  }
  return workgroupUniformLoad(&chosen);
}`;
