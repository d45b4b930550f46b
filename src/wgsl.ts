// What kernels are made of. A kernel is data: WGSL text and what it binds, testable without a
// device, and compiled once, for what changes at every step stands in a uniform block.
//
// Buffers are read and written four elements at a time. A matrix on the GPU has rows of a multiple
// of four elements, zeros at the end; so every access is one vec4, whatever the element is. Kernels
// compute in f32 and convert where they load and store: halves work with shader-f16 and, packed in
// pairs, without it.

/** How the elements of a buffer are kept: `half` and `pair` are the same bytes. */
export type Element =
  | 'f32'
  /** 16 bits, read as f16; the device must have shader-f16. */
  | 'half'
  /** 16 bits, two in a u32, for devices without shader-f16. */
  | 'pair';

/** What a kernel must know of a device. */
export interface GpuLimits {
  readonly shaderF16: boolean;
  readonly subgroups: boolean;
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
  /** Bytes of workgroup memory. */
  readonly workgroupMemory: number;
  /** Bytes of a storage binding. */
  readonly bindingBytes: number;
  /** Workgroups of one dimension of a dispatch. */
  readonly workgroupsPerDimension: number;
  /** Workgroups that keep the device busy: fewer and larger ones read less. */
  readonly busyWorkgroups: number;
}

/** The least that every WebGPU device has: kernels made for it run everywhere. */
export const leastLimits: GpuLimits = {
  shaderF16: false,
  subgroups: false,
  workgroupSize: 256,
  workgroupMemory: 16_384,
  bindingBytes: 128 * 2 ** 20,
  workgroupsPerDimension: 65_535,
  busyWorkgroups: 128,
};

/** Sizes that change from run to run: the uniform block at binding 0 of every kernel. */
export interface Lengths {
  /** Tokens of all rows, packed one after the other. */
  readonly tokens: number;
  /** Rows of this run; a row is one sequence. */
  readonly rows: number;
  /** Rows of the cache: slots of it lie this many rows apart. */
  readonly cacheRows: number;
  /** Tokens whose outputs are asked for. */
  readonly kept: number;
  /** Blocks of queries in a prefill. */
  readonly tiles: number;
  /** Parts that the longest cache is cut into in a decode step. */
  readonly splits: number;
}

/** The uniform block's members in order, u32 each. */
export const lengthNames: readonly (keyof Lengths)[] = [
  'tokens',
  'rows',
  'cacheRows',
  'kept',
  'tiles',
  'splits',
];

/** Bytes of the uniform block: a multiple of 16. */
export const lengthsBytes = 32;

/** WGSL: the block, as `lengths`. */
const lengthsBlock: string = `struct Lengths {
${lengthNames.map((name) => `  ${name}: u32,`).join('\n')}
}
@group(0) @binding(0) var<uniform> lengths: Lengths;`;

export interface Binding {
  readonly name: string;
  readonly access: 'read' | 'read_write';
  /** Elements in vectors of four; or words: `u32`, `vec2<u32>`, `vec4<u32>`, `atomic<u32>`, `f32`. */
  readonly element: Element | 'u32' | 'vec2<u32>' | 'vec4<u32>' | 'atomic<u32>';
}

export type Grid = readonly [number, number, number];

export interface Kernel {
  /** What it computes, for profiles and messages. */
  readonly name: string;
  /** The whole shader; its entry point is `main`. Two kernels of one text are one pipeline. */
  readonly wgsl: string;
  /** The storage buffers, from binding 1 on. */
  readonly bindings: readonly Binding[];
  /** Workgroups to dispatch. */
  readonly grid: (lengths: Lengths) => Grid;
}

/** WGSL: the uniform block and the bindings, and the f16 extension where one of them needs it. */
export function header(bindings: readonly Binding[], features: readonly string[] = []): string {
  const halves = bindings.some(({ element }) => element === 'half');
  const enabled = [...features, ...(halves ? ['f16'] : [])];
  return [
    ...enabled.map((feature) => `enable ${feature};`),
    lengthsBlock,
    ...bindings.map(
      ({ name, access, element }, index) =>
        `@group(0) @binding(${index + 1}) var<storage, ${access}> ${name}: array<${wordOf(element)}>;`,
    ),
  ].join('\n');
}

function wordOf(element: Binding['element']): string {
  switch (element) {
    case 'f32':
      return 'vec4<f32>';
    case 'half':
      return 'vec4<f16>';
    case 'pair':
      return 'vec2<u32>';
    default:
      return element;
  }
}

/** WGSL: the four elements at vector `index` of a buffer, as vec4<f32>. */
export function load(element: Element, buffer: string, index: string): string {
  switch (element) {
    case 'f32':
      return `${buffer}[${index}]`;
    case 'half':
      return `vec4<f32>(${buffer}[${index}])`;
    case 'pair':
      return `vec4<f32>(unpack2x16float(${buffer}[${index}].x), unpack2x16float(${buffer}[${index}].y))`;
  }
}

/** WGSL: a statement that stores a vec4<f32> as the four elements at vector `index`. */
export function store(element: Element, buffer: string, index: string, value: string): string {
  switch (element) {
    case 'f32':
      return `${buffer}[${index}] = ${value};`;
    case 'half':
      return `${buffer}[${index}] = vec4<f16>(${value});`;
    case 'pair':
      return `${buffer}[${index}] = vec2<u32>(pack2x16float((${value}).xy), pack2x16float((${value}).zw));`;
  }
}

/** The element of a dtype on a device. */
export function elementOf(dtype: 'float32' | 'float16', { shaderF16 }: GpuLimits): Element {
  if (dtype === 'float32') return 'f32';
  return shaderF16 ? 'half' : 'pair';
}

/** Bytes of an element. */
export function elementBytes(element: Element): number {
  return element === 'f32' ? 4 : 2;
}

/** Vectors of four that a row of `columns` elements fills. */
export function vectorsOf(columns: number): number {
  return Math.ceil(columns / 4);
}

/** A grid of at least `count` workgroups that no dimension is too small for; WGSL: `groupIndex`. */
export function flatGrid(count: number, { workgroupsPerDimension }: GpuLimits): Grid {
  const x = Math.min(count, workgroupsPerDimension);
  return [x, x === 0 ? 0 : Math.ceil(count / x), 1];
}

/** WGSL: the number of a workgroup in a grid of `flatGrid`, from `group` and `groups`. */
export const groupIndex = 'group.x + group.y * groups.x';

/** WGSL parameters of `main` in the names that helpers use. */
export const mainParameters: string = `@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32`;

/** A number as a WGSL f32 literal. */
export function literal(value: number): string {
  const text = Math.fround(value).toPrecision(9);
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}
