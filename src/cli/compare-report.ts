// What `compare` found: for scripts, and as one table for people.

import type { WeightFormat } from '../base/manifest.ts';
import { printable } from '../base/errors.ts';
import type { PartError } from '../calibrate/layer-error.ts';
import type { Distance } from '../validate/compare-tally.ts';
import { formatCount, formatFigure, formatTable } from './sizes.ts';

export interface ComparedModel extends Partial<Distance> {
  readonly dtype: WeightFormat;
  /** Path of the model in the folder. */
  readonly file: string;
  /** Of the model and its data files. */
  readonly bytes: number;
  readonly perplexity: number;
  /** How far its weights move the sums that run through the layers, from the embeddings on. */
  readonly layerErrors?: readonly PartError[];
}

export interface CompareReport {
  readonly runtime: string;
  /** Name of the folder. */
  readonly folder: string;
  /** Name of the text's file. */
  readonly text: string;
  readonly window: number;
  readonly windows: number;
  /** Tokens of all windows. */
  readonly tokens: number;
  /** Tokens at the end that fill no window. */
  readonly left: number;
  /** fp32 first, which has no distance. A figure that is not finite is null in JSON. */
  readonly models: readonly ComparedModel[];
}

export function compareText(report: CompareReport): string {
  const rows = report.models.map((model) => [model.dtype, ...modelCells(model, report)]);
  const table = formatTable([['', ...modelHeads], ...rows]);
  return `${subjectLine(report)}\n${report.runtime}\n\n${table}`;
}

/** What was run over what. */
export function subjectLine({
  folder,
  text,
  tokens,
  windows,
  window,
  left,
}: CompareReport): string {
  const cut = `${formatCount(tokens)} tokens in ${formatCount(windows)} ${windows === 1 ? 'window' : 'windows'} of ${formatCount(window)}`;
  const rest = left === 0 ? '' : `; the last ${formatCount(left)} fill no window`;
  return `${printable(folder)} on ${printable(text)}: ${cut}${rest}`;
}

/** Heads of a model's figures. */
export const modelHeads: readonly string[] = [
  'bytes',
  'of fp32',
  'perplexity',
  'mean KL',
  'max KL',
  'top-1',
];

/** A model's figures under the heads. */
export function modelCells(
  { bytes, perplexity, kl, klMax, top1 }: ComparedModel,
  { models }: CompareReport,
): readonly string[] {
  const part = bytes / (models[0]?.bytes ?? bytes);
  return [
    formatCount(bytes),
    `${(100 * part).toFixed(1)} %`,
    formatPerplexity(perplexity),
    kl === undefined ? '' : formatFigure(kl),
    klMax === undefined ? '' : formatFigure(klMax),
    top1 === undefined ? '' : `${(100 * top1).toFixed(2)} %`,
  ];
}

function formatPerplexity(value: number): string {
  if (!Number.isFinite(value)) return 'not finite';
  return value < 99_999.5 ? value.toFixed(3) : value.toExponential(3);
}
