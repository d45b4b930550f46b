// A header's entries against the file: sizes that do not overflow, no hole and no overlap between
// tensors, not a byte missing and not a byte more.

import { storedBits } from '../base/dtypes.ts';
import { ToolkitError, type ErrorCode } from '../base/errors.ts';
import { damagedFix, type HeaderEntry } from './safetensors-header.ts';
import type { Placement } from './tensor-ref.ts';

export interface DataSpan {
  readonly file: string;
  /** First byte after the header. */
  readonly start: number;
  /** Size of the whole file. */
  readonly size: number;
}

/** Where each tensor lies, in the order of the data. */
export function layOut(entries: readonly HeaderEntry[], span: DataSpan): readonly Placement[] {
  const { file, start } = span;
  const sorted = entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  const placements = sorted.map((entry): Placement => {
    if (entry.begin !== end || entry.end < entry.begin) {
      fail('ST_OFFSETS', 'the data of the tensors has a hole or an overlap', file, entry, {
        data_offsets: [entry.begin, entry.end],
        previous_end: end,
      });
    }
    const { shape, size } = measure(entry, file);
    if (entry.end - entry.begin !== size) {
      fail('ST_SIZE_MISMATCH', 'the data_offsets do not fit the dtype and the shape', file, entry, {
        expected: size,
        got: entry.end - entry.begin,
      });
    }
    ({ end } = entry);
    return { name: entry.name, dtype: entry.dtype, shape, offset: start + entry.begin, size };
  });
  checkFileSize(end, span);
  return placements;
}

const maxU64 = 2n ** 64n - 1n;

/** Sizes count in bits and in 64 of them, as in the format's own library. */
function measure(entry: HeaderEntry, file: string): Pick<Placement, 'shape' | 'size'> {
  const { shape } = entry;
  const bits = bitSize(entry);
  if (bits > maxU64) {
    fail('ST_SIZE_OVERFLOW', 'the size of a tensor in bits does not fit 64 bits', file, entry);
  }
  if (!isExact(shape)) {
    return fail('ST_DIM_TOO_LARGE', 'a dimension is larger than 2^53 - 1', file, entry);
  }
  if (Number(bits) % 8 !== 0) {
    fail('ST_SUBBYTE_ALIGN', 'a tensor does not fill whole bytes', file, entry);
  }
  return { shape, size: Number(bits) / 8 };
}

function isExact(shape: readonly (number | bigint)[]): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

function bitSize(entry: HeaderEntry): number | bigint {
  const width = storedBits[entry.dtype];
  let bits = width;
  for (const dim of entry.shape) {
    bits *= Number(dim);
    if (!(bits <= Number.MAX_SAFE_INTEGER)) return exactBitSize(entry, width);
  }
  return bits;
}

/** The product in order, as far as it fits: a zero after an overflow does not mend it. */
function exactBitSize(entry: HeaderEntry, width: number): bigint {
  let elements = 1n;
  for (const dim of entry.shape) {
    elements *= BigInt(dim);
    if (elements > maxU64) return elements;
  }
  return elements * BigInt(width);
}

function checkFileSize(end: number, { file, start, size }: DataSpan): void {
  const expected = start + end;
  if (size === expected) return;
  const rule =
    size < expected
      ? 'the file ends before its last tensor does'
      : 'the file goes on after its last tensor';
  throw new ToolkitError('ST_FILE_SIZE', rule, {
    where: { file, expected, got: size },
    fix: 'download the file again',
  });
}

function fail(code: ErrorCode, rule: string, file: string, entry: HeaderEntry, where = {}): never {
  const { name, dtype, shape } = entry;
  throw new ToolkitError(code, rule, {
    where: { file, tensor: name, dtype, shape: shape.map(String), ...where },
    fix: damagedFix,
  });
}
