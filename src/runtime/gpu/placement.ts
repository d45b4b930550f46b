// How a model's weights lie on the GPU: which rows, how far apart, and in which parts where a table
// is larger than one binding. Numbers are those of the file: nothing is converted or transposed.

import { byteWidth } from '../../base/dtypes.ts';
import { ToolkitError } from '../../base/errors.ts';
import { sizeOf } from '../../base/tensors.ts';
import type { Initializer } from '../../ir/graph.ts';
import type { GpuLimits } from '../../wgsl.ts';
import type { Plan, Step } from './steps.ts';

export interface Placement {
  readonly initializer: Initializer;
  readonly rows: number;
  /** Of one row in the file; not whole where every other row of four bits begins within a byte. */
  readonly rowBytes: number;
  /** From row to row on the GPU, zeros behind the row. */
  readonly pitch: number;
  /** Rows of every part but the last. */
  readonly partRows: number;
}

/** A part of a table: rows `first` to `first + count`. */
export interface Part {
  readonly first: number;
  readonly count: number;
}

/** Where each weight of a plan goes, by name. */
export function placements(
  plan: Plan,
  initializers: ReadonlyMap<string, Initializer>,
  limits: Pick<GpuLimits, 'bindingBytes'>,
): ReadonlyMap<string, Placement> {
  const placed = new Map<string, Placement>();
  const place = (name: string, how: (initializer: Initializer) => Placement): Placement => {
    const known = placed.get(name);
    if (known) return known;
    const initializer = initializers.get(name);
    if (!initializer) {
      throw new ToolkitError('INTERNAL', 'a step reads a weight that the graph has', {
        where: { weight: name },
      });
    }
    const placement = how(initializer);
    placed.set(name, placement);
    return placement;
  };
  for (const step of plan.steps) {
    for (const [table, layout] of tablesOf(step)) {
      if (layout.kind !== 'blocks') {
        place(table, (each) => inParts(matrix(each), layout.kind === 'out-in', limits));
        continue;
      }
      const { partRows } = place(table, (each) => inParts(bytes(each), true, limits));
      const beside = layout.zeroPoints === undefined ? [] : [layout.zeroPoints];
      for (const name of [layout.scales, ...beside]) {
        const rows = placed.get(table)?.rows ?? 1;
        place(name, (each) => ({ ...perRow(each, rows), partRows }));
      }
    }
    for (const name of vectorsOf(step)) place(name, (each) => inParts(matrix(each), false, limits));
  }
  return placed;
}

function tablesOf(
  step: Step,
): readonly (readonly [string, Extract<Step, { kind: 'embed' }>['layout']])[] {
  if (step.kind === 'embed') return [[step.table, step.layout]];
  return step.kind === 'product' ? [[step.weight, step.layout]] : [];
}

function vectorsOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'norm':
    case 'skip-norm':
      return step.by.bias === undefined ? [step.by.scale] : [step.by.scale, step.by.bias];
    case 'product':
      return step.bias === undefined ? [] : [step.bias];
    case 'attention':
      return [step.cos, step.sin];
    default:
      return [];
  }
}

/** Rows of elements, each filled up to a multiple of four. */
function matrix(initializer: Initializer): Omit<Placement, 'partRows'> {
  const { dtype, shape } = initializer.type;
  const columns = shape.at(-1) ?? 1;
  const rows = sizeOf(shape) / columns;
  const rowBytes = columns * byteWidth[dtype];
  return { initializer, rows, rowBytes, pitch: Math.ceil(columns / 4) * 4 * byteWidth[dtype] };
}

/** Rows of packed codes as they are. */
function bytes(initializer: Initializer): Omit<Placement, 'partRows'> {
  const [rows = 1] = initializer.type.shape;
  return perRow(initializer, rows);
}

function perRow(initializer: Initializer, rows: number): Omit<Placement, 'partRows'> {
  const { dtype, shape } = initializer.type;
  const rowBytes = (sizeOf(shape) * byteWidth[dtype]) / rows;
  return { initializer, rows, rowBytes, pitch: Math.ceil(rowBytes) };
}

/** Bytes of so many rows in the file, from the first one on. */
export function fileBytes({ rowBytes }: Pick<Placement, 'rowBytes'>, rows: number): number {
  return Math.ceil(rows * rowBytes);
}

/**
 * Parts begin at rows that are multiples of this, so that outputs and packed bytes are aligned: so
 * many rows are whole bytes of the file, and whole words on the GPU.
 */
export const partStep = 4;

function inParts(
  placement: Omit<Placement, 'partRows'>,
  splits: boolean,
  { bindingBytes }: Pick<GpuLimits, 'bindingBytes'>,
): Placement {
  const { initializer, rows, pitch } = placement;
  if (rows * pitch <= bindingBytes) return { ...placement, partRows: rows };
  const partRows = Math.floor(bindingBytes / pitch / partStep) * partStep;
  if (splits && partRows > 0) return { ...placement, partRows };
  throw new ToolkitError('UNSUPPORTED_SIZE', 'a weight is larger than this GPU can bind', {
    where: { weight: initializer.name, bytes: rows * pitch, most: bindingBytes },
    fix: 'choose --runtime onnxruntime',
  });
}

/** The parts of a placement in order. */
export function partsOf({ rows, partRows }: Placement): readonly Part[] {
  return Array.from({ length: Math.ceil(rows / partRows) }, (_, i) => ({
    first: i * partRows,
    count: Math.min(partRows, rows - i * partRows),
  }));
}
