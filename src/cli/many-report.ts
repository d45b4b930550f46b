// What became of each source of a conversion of many: a document, a table, an exit status.

import type { Failure } from './failure.ts';
import { printable } from '../base/errors.ts';
import { type Manifest, modelBytes, type WeightFormat } from '../base/manifest.ts';
import { formatBytes, formatFigure, formatTable } from './sizes.ts';

/** converted, published and removed, done before, drifted from its reference outputs, or failed. */
export type Status = 'converted' | 'pushed' | 'done' | 'drifted' | 'failed';

export interface ManyEntry {
  /** As it stands in the list. */
  readonly source: string;
  /** Name of the output folder. */
  readonly name: string;
  readonly status: Status;
  readonly seconds: number;
  /** Bytes of each format's model and data files. */
  readonly sizes: Readonly<Partial<Record<WeightFormat, number>>>;
  /** Worst mean KL divergence of the verifications, where there were any. */
  readonly kl?: number;
  /** Whether every verification passed, where there were any. */
  readonly parity?: 'pass' | 'fail';
  readonly error?: Failure;
}

/** What a folder's manifest says of it. */
export function figuresOf(manifest: Manifest): Pick<ManyEntry, 'sizes' | 'kl' | 'parity'> {
  const sizes = manifest.dtypes.map((dtype) => [dtype, modelBytes(manifest, dtype)]);
  const { verifications } = manifest;
  const passed = verifications.every((each) => each.passed);
  return {
    sizes: Object.fromEntries(sizes),
    ...worstOf(verifications),
    ...(verifications.length > 0 && { parity: passed ? 'pass' : 'fail' }),
  };
}

/** The worst mean KL divergence among figures; nothing where none has one. */
export function worstOf(
  found: readonly { readonly figures: Readonly<Record<string, number>> }[],
): Pick<ManyEntry, 'kl'> {
  const values = found.flatMap(({ figures }) =>
    'meanKl' in figures ? [figures['meanKl'] ?? Number.NaN] : [],
  );
  if (values.length === 0) return {};
  return { kl: values.some(Number.isNaN) ? Number.NaN : Math.max(...values) };
}

/** 0; 1 where models drifted and nothing else went wrong; else that of the first failure. */
export function exitCodeOf(entries: readonly Pick<ManyEntry, 'error' | 'parity'>[]): number {
  const failure = entries.find(({ error }) => error !== undefined)?.error;
  if (failure !== undefined) return failure.exitCode;
  return entries.some(({ parity }) => parity === 'fail') ? 1 : 0;
}

/** The table, and a line that counts. */
export function manyText(entries: readonly ManyEntry[]): string {
  const dtypes = [...new Set(entries.flatMap(({ sizes }) => Object.keys(sizes)))];
  const rows = entries.map(({ source, sizes, kl, parity, seconds, status, error }) => [
    printable(source),
    ...dtypes.map((dtype) => cellOf(new Map(Object.entries(sizes)).get(dtype))),
    kl === undefined ? '-' : formatFigure(kl),
    parity ?? '-',
    `${seconds.toFixed(1)} s`,
    error === undefined ? status : `${status} (${error.code})`,
  ]);
  const heads = ['', ...dtypes, 'worst KL', 'parity', 'time', 'status'];
  const count = (wanted: Status): number =>
    entries.filter(({ status }) => status === wanted).length;
  const counts = (['converted', 'pushed', 'done', 'drifted', 'failed'] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `${count(status)} ${status}`);
  return `${formatTable([heads, ...rows])}${counts.join(', ')}\n`;
}

function cellOf(size: number | undefined): string {
  return size === undefined ? '-' : formatBytes(size);
}
