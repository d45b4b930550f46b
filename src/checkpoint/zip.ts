// The directory of a zip archive whose entries are stored, not compressed, as torch writes them: so
// that an entry is a range of the file. Sizes beyond 4 GiB come from the zip64 records.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { maxHeaderBytes } from '../base/limits.ts';

/** An entry of the directory; its data begins after a header of its own. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly headerOffset: number;
  /** Whether the bytes stand in the file as they are. */
  readonly plain: boolean;
}

const localHeader = { signature: 0x04034b50, size: 30 };
const centralHeader = { signature: 0x02014b50, size: 46 };
const endRecord = { signature: 0x06054b50, size: 22 };
const end64Locator = { signature: 0x07064b50, size: 20 };
const end64Record = { signature: 0x06064b50, size: 56 };
const maxComment = 0xffff;

/** Reads the directory. */
export async function readZip(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, size, count } = await findDirectory(source);
  const view = viewOf(await source.read(offset, offset + size));
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { entry, next } = readEntry(view, at, source.name);
    if (entries.has(entry.name)) {
      fail(source.name, 'a name stands twice in the archive', { entry: entry.name });
    }
    entries.set(entry.name, entry);
    at = next;
  }
  if (at !== size)
    fail(source.name, 'the directory holds another number of entries than its end says');
  return entries;
}

/** First byte of an entry's data in the file. */
export async function dataOffset(source: ByteSource, entry: ZipEntry): Promise<number> {
  const { name, headerOffset, size } = entry;
  const headerEnd = headerOffset + localHeader.size;
  if (!entry.plain) {
    const rule = 'an entry is compressed or encrypted, not stored as it is';
    fail(source.name, rule, { entry: name });
  }
  if (headerEnd > source.size)
    fail(source.name, 'an entry reaches beyond the end of the file', { entry: name });
  const view = viewOf(await source.read(headerOffset, headerEnd));
  if (view.getUint32(0, true) !== localHeader.signature) {
    fail(source.name, 'an entry does not begin with a header of its own', { entry: name });
  }
  const nameEnd = headerEnd + view.getUint16(26, true);
  const start = nameEnd + view.getUint16(28, true);
  if (start + size > source.size)
    fail(source.name, 'an entry reaches beyond the end of the file', { entry: name });
  const own = decode(await source.read(headerEnd, nameEnd));
  if (own !== name)
    fail(source.name, 'an entry has another name in its own header', { entry: name, own });
  return start;
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

async function findDirectory(source: ByteSource): Promise<Directory> {
  const { name: file, size } = source;
  const tailStart = Math.max(0, size - endRecord.size - maxComment);
  const view = viewOf(await source.read(tailStart, size));
  let at = view.byteLength - endRecord.size;
  while (at >= 0 && !isEnd(view, at)) at--;
  if (at < 0)
    fail(file, 'the file does not end with the directory of a zip archive: it is cut off');
  const wide = await findWideDirectory(source, view, at);
  const directory = wide ?? {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  };
  if (directory.size > maxHeaderBytes) {
    fail(file, `the directory is longer than the ${maxHeaderBytes} bytes allowed`, {
      size: directory.size,
    });
  }
  if (directory.offset + directory.size > tailStart + at) {
    fail(file, 'the directory overlaps its own end record');
  }
  return directory;
}

function isEnd(view: DataView, at: number): boolean {
  if (view.getUint32(at, true) !== endRecord.signature) return false;
  return at + endRecord.size + view.getUint16(at + 20, true) === view.byteLength;
}

async function findWideDirectory(
  source: ByteSource,
  tail: DataView,
  end: number,
): Promise<Directory | undefined> {
  const locator = end - end64Locator.size;
  if (locator < 0 || tail.getUint32(locator, true) !== end64Locator.signature) return undefined;
  const start = wideNumber(tail, locator + 8, source.name);
  if (start + end64Record.size > source.size)
    fail(source.name, 'the directory reaches beyond the end of the file');
  const view = viewOf(await source.read(start, start + end64Record.size));
  if (view.getUint32(0, true) !== end64Record.signature) {
    fail(source.name, 'the zip64 record does not stand where its locator says');
  }
  return {
    count: wideNumber(view, 32, source.name),
    size: wideNumber(view, 40, source.name),
    offset: wideNumber(view, 48, source.name),
  };
}

function readEntry(view: DataView, at: number, file: string): { entry: ZipEntry; next: number } {
  const fixedEnd = at + centralHeader.size;
  if (fixedEnd > view.byteLength || view.getUint32(at, true) !== centralHeader.signature) {
    fail(file, 'the directory holds another number of entries than its end says');
  }
  const nameEnd = fixedEnd + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > view.byteLength) fail(file, 'an entry of the directory reaches beyond its end');
  const name = decode(new Uint8Array(view.buffer, view.byteOffset + fixedEnd, nameEnd - fixedEnd));
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const [size, stored, headerOffset] = wideFields(view, at, nameEnd, extraEnd, file);
  const plain = method === 0 && size === stored && (flags & 1) === 0;
  return { entry: { name, size, headerOffset, plain }, next };
}

/** Size, stored size and offset; one of all ones stands in the zip64 field, in this order. */
function wideFields(
  view: DataView,
  at: number,
  extraStart: number,
  extraEnd: number,
  file: string,
): readonly [number, number, number] {
  const narrow = [24, 20, 42].map((field) => view.getUint32(at + field, true));
  let [wideAt, wideEnd] = [0, 0];
  for (let field = extraStart; field + 4 <= extraEnd;) {
    const length = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) [wideAt, wideEnd] = [field + 4, field + 4 + length];
    field += 4 + length;
  }
  const [size = 0, stored = 0, offset = 0] = narrow.map((value) => {
    if (value !== 0xffffffff) return value;
    wideAt += 8;
    if (wideAt > wideEnd || wideEnd > extraEnd) fail(file, 'a large entry has no zip64 field');
    return wideNumber(view, wideAt - 8, file);
  });
  return [size, stored, offset];
}

function wideNumber(view: DataView, at: number, file: string): number {
  const value = Number(view.getBigUint64(at, true));
  return Number.isSafeInteger(value)
    ? value
    : fail(file, 'a size in the archive is not below 2^53');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Names are compared, not shown: bytes that are no UTF-8 do no harm. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function fail(file: string, rule: string, where = {}): never {
  throw new ToolkitError('TORCH_ZIP', rule, {
    where: { file, ...where },
    fix: 'download the file again, or save it with torch.save',
  });
}
