// What `bench` measured, as rates and shares: for scripts, and as one table for people.

import type { Peaks } from '../runtime/gpu/measure-device.ts';
import type { Spread } from '../runtime/measure-statistics.ts';
import type { Work } from '../runtime/gpu/work.ts';
import { formatCount, formatTable } from './sizes.ts';

/** One length of one kind. */
export interface Measurement {
  readonly kind: 'prefill' | 'decode';
  /** Of the prompt, or before the first step. */
  readonly tokens: number;
  readonly rounds: number;
  /** Of a whole prefill, or of one step. */
  readonly seconds: Spread;
  /** By the plan, of a whole prefill or of one step; unknown of other runtimes. */
  readonly work?: Work;
  readonly versus?:
    | { readonly seconds: Spread; readonly ratio: Spread; readonly sameToken: boolean }
    | { readonly failure: string };
}

export interface BenchReport {
  readonly runtime: string;
  readonly dtype: string;
  /** The GPU, where our own runtime is measured. */
  readonly device?: BenchDevice;
  /** The other runtime. */
  readonly versus?: string;
  readonly measurements: readonly Measurement[];
  /** Measurements that were left out, and why. */
  readonly skipped: readonly string[];
}

export interface BenchDevice {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** What the driver says of itself. */
  readonly driver: string;
  readonly peaks: Peaks;
}

/** Parts of the device's peaks that a measurement reaches. */
interface Shares {
  readonly copy: number;
  readonly f32: number;
  readonly f16?: number;
}

function sharesOf({ seconds, work }: Measurement, peaks: Peaks | undefined): Shares | undefined {
  if (!work || !peaks) return undefined;
  const { copyBytes, multiplyAdds } = peaks;
  const reached = work.multiplyAdds / seconds.median;
  return {
    copy: work.bytes / seconds.median / copyBytes,
    f32: reached / multiplyAdds.f32,
    ...(multiplyAdds.f16 !== undefined && { f16: reached / multiplyAdds.f16 }),
  };
}

/** Tokens that a measurement's time is for. */
function tokensOf({ kind, tokens }: Measurement): number {
  return kind === 'prefill' ? tokens : 1;
}

export function benchDocument(report: BenchReport): Readonly<Record<string, unknown>> {
  const { measurements, device } = report;
  return {
    ...report,
    measurements: measurements.map((measurement) => {
      const { work, seconds } = measurement;
      const tokens = tokensOf(measurement);
      const shares = sharesOf(measurement, device?.peaks);
      return {
        ...measurement,
        tokensPerSecond: tokens / seconds.median,
        ...(work && { bytesPerToken: work.bytes / tokens }),
        ...(shares && { shares }),
      };
    }),
  };
}

/** One table, and what it is measured against. */
export function benchText(report: BenchReport): string {
  const { runtime, dtype, device, measurements, skipped, versus } = report;
  const others = versus === undefined ? [] : [versus.split(' ')[0] ?? versus, 'ratio', 'range'];
  const halves = device?.peaks.multiplyAdds.f16 !== undefined && dtype !== 'fp32';
  const planned = device
    ? ['dispatches', 'MB/token', 'of copy', 'of f32', ...(halves ? ['of f16'] : [])]
    : [];
  const head = ['', 'ms', 'range', 'tokens/s', ...planned, ...others];
  const rows = measurements.map((each) => [
    ...timeCells(each),
    ...(device ? planCells(each, device.peaks, halves) : []),
    ...(versus === undefined ? [] : versusCells(each)),
  ]);
  const lines = [
    `${runtime}, ${dtype}${versus === undefined ? '' : `; against ${versus}`}`,
    ...(device ? [peaksLine(device.peaks)] : []),
  ];
  const left = skipped.map((sentence) => `left out: ${sentence}\n`);
  const table = measurements.length === 0 ? '' : `\n${formatTable([head, ...rows])}`;
  return [
    ...lines.map((line) => `${line}\n`),
    table,
    ...(left.length > 0 ? ['\n', ...left] : []),
  ].join('');
}

function peaksLine({ copyBytes, multiplyAdds: { f32, f16 } }: Peaks): string {
  const peaks = [
    `copies ${rate(copyBytes)}B/s`,
    `f32 ${rate(f32)}`,
    ...(f16 === undefined ? [] : [`f16 ${rate(f16)}`]),
  ];
  return `measured peaks: ${peaks.join(', ')} multiply-adds/s`;
}

/** `3.4 T`, `512 G` */
function rate(perSecond: number): string {
  const [scale, unit] = perSecond < 0.9995e12 ? [1e9, 'G'] : [1e12, 'T'];
  return `${digits(perSecond / scale)} ${unit}`;
}

function timeCells(measurement: Measurement): readonly string[] {
  const { kind, tokens, seconds } = measurement;
  return [
    kind === 'prefill' ? `prefill ${formatCount(tokens)}` : `decode at ${formatCount(tokens)}`,
    digits(1000 * seconds.median),
    `${digits(1000 * seconds.min)}–${digits(1000 * seconds.max)}`,
    formatRate(tokensOf(measurement) / seconds.median),
  ];
}

function planCells(measurement: Measurement, peaks: Peaks, halves: boolean): readonly string[] {
  const shares = sharesOf(measurement, peaks);
  const { work } = measurement;
  if (!work || !shares) return Array.from({ length: halves ? 5 : 4 }, () => '');
  return [
    formatCount(work.dispatches),
    digits(work.bytes / tokensOf(measurement) / 1e6),
    percent(shares.copy),
    percent(shares.f32),
    ...(halves ? [percent(shares.f16 ?? Number.NaN)] : []),
  ];
}

function versusCells({ versus }: Measurement): readonly string[] {
  if (versus === undefined || 'failure' in versus) return ['failed', '', ''];
  const { seconds, ratio } = versus;
  return [
    `${digits(1000 * seconds.median)} ms`,
    `${ratio.median.toFixed(2)} ×`,
    `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`,
  ];
}

function percent(part: number): string {
  return `${digits(100 * part)} %`;
}

function formatRate(perSecond: number): string {
  return perSecond < 100 ? digits(perSecond) : formatCount(Math.round(perSecond));
}

/** About three digits. */
function digits(value: number): string {
  if (value >= 99.95) return formatCount(Math.round(value));
  return value.toFixed(value >= 9.995 ? 1 : value >= 0.0995 ? 2 : 3);
}
