// A safetensors file: 8 bytes of length, a JSON header, the data. Only the header is read here.

import { printable, ToolkitError, type ErrorCode } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { maxHeaderBytes } from '../base/limits.ts';
import type { TensorRef } from '../base/tensors.ts';
import { damagedFix, parseHeader, type Header } from './safetensors-header.ts';
import { layOut } from './safetensors-layout.ts';
import { safetensorsKind, sniff, sniffBytes } from './sniff.ts';
import { placedTensor } from './tensor-ref.ts';

export { writeSafetensors, type TensorBytes } from './safetensors-write.ts';

/** What a weights file holds. */
export interface WeightsFile {
  /** In the order of the data. */
  readonly tensors: readonly TensorRef[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** Reads and checks a header; the tensors are read when somebody asks. */
export async function readSafetensors(source: ByteSource): Promise<WeightsFile> {
  const file = source.name;
  const start = await headerEnd(source);
  const text = decodeUtf8(await source.read(8, start));
  if (text === undefined) {
    throw new ToolkitError('ST_HEADER_UTF8', 'the header is not UTF-8', {
      where: { file },
      fix: damagedFix,
    });
  }
  const header = parseHeader(text, file);
  const placements = layOut(header.entries, { file, start, size: source.size });
  return {
    tensors: placements.map((placement) => placedTensor(source, placement)),
    metadata: header.metadata,
    warnings: warningsOf(header, file),
  };
}

/** Where the header ends, by the length that the file begins with. */
async function headerEnd(source: ByteSource): Promise<number> {
  const { size } = source;
  const first = await source.read(0, Math.min(size, sniffBytes));
  if (size < 8)
    fail(
      'ST_HEADER_TOO_SMALL',
      "the file is shorter than the 8 bytes that tell its header's length",
      source,
      first,
    );
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  const where = { header_bytes: String(length) };
  if (length > maxHeaderBytes) {
    const rule = `the header is longer than the ${maxHeaderBytes} bytes allowed`;
    fail('ST_HEADER_TOO_LARGE', rule, source, first, where);
  }
  const end = 8 + Number(length);
  if (end > size) {
    fail('ST_HEADER_TRUNCATED', 'the file ends within its header', source, first, where);
  }
  return end;
}

/** Says what the file is when it is something else, and the broken rule when not. */
function fail(
  code: ErrorCode,
  rule: string,
  { name, size }: ByteSource,
  first: Uint8Array,
  where = {},
): never {
  const kind = sniff(first, size);
  const known = kind !== undefined && kind !== safetensorsKind;
  throw new ToolkitError(
    code,
    known ? `a safetensors file was expected, and this is ${kind.is}` : rule,
    {
      where: { file: name, size, ...(known ? {} : where) },
      fix: known ? kind.fix : 'download the file again',
    },
  );
}

function warningsOf({ unknownFields }: Header, file: string): readonly string[] {
  if (unknownFields === undefined) return [];
  const { first, count } = unknownFields;
  const more = count === 1 ? '' : ` and ${count - 1} more`;
  return [`${file}: fields that the format does not have are ignored: ${printable(first)}${more}`];
}
