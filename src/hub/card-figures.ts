// What was measured, as tables of a model card: files with what each costs, and how near the models
// are to reference outputs. A figure that nobody measured is not shown.

import {
  type Manifest,
  modelBytes,
  modelPaths,
  type RecordedComparison,
  type Verification,
  type WeightFormat,
  weightFormats,
} from '../base/manifest.ts';
import { formatBytes, formatCount, formatFigure } from '../base/sizes.ts';
import { code, plain, table } from './markdown.ts';

/** The models with their sizes, and with figures where there are any. */
export function filesSection(manifest: Manifest): string {
  const compared = largestComparison(manifest.comparisons ?? []);
  const dtypes = weightFormats.filter((dtype) => manifest.dtypes.includes(dtype));
  const rows = dtypes.map((dtype) => ({
    dtype,
    figures: compared.length > 0 ? ofText(compared, dtype) : ofGoldens(manifest, dtype),
  }));
  const columns = kinds.filter(({ key }) => rows.some(({ figures }) => key in figures));
  const heads = ['file', 'dtype', 'size', ...columns.map(({ head }) => head)];
  const body = rows.map(({ dtype, figures }) => [
    code(modelPaths[dtype]),
    dtype,
    formatBytes(modelBytes(manifest, dtype)),
    ...columns.map(({ key, show }) => (figures[key] === undefined ? '' : show(figures[key]))),
  ]);
  const [comparison] = compared;
  const about = comparison ? textSentence(comparison) : columns.length > 0 ? goldenSentence : '';
  return `## Files\n\n${table(heads, body)}${about}`;
}

type Figures = Readonly<Record<string, number>>;

const percent = (part: number): string =>
  Number.isFinite(part) ? `${(100 * part).toFixed(2)} %` : formatFigure(part);

const kinds = [
  {
    key: 'perplexity',
    head: 'perplexity',
    show: (value: number) => (value < 1e5 ? value.toFixed(2) : formatFigure(value)),
  },
  { key: 'meanKl', head: 'mean KL', show: formatFigure },
  { key: 'top1', head: 'top-1', show: percent },
] as const;

const goldenSentence =
  '\nMean KL divergence and top-1 agreement (near ties left out) are the worst of any prompt of the goldens below.\n';

function textSentence({ text, tokens, window, runtime }: RecordedComparison): string {
  return (
    `\nPerplexity, and mean KL divergence from fp32 and agreement with its likeliest token, on ${formatCount(tokens)} tokens ` +
    `in windows of ${formatCount(window)} on ${plain(runtime)}. The text's sha256 begins with ${text.slice(0, 12)}.\n`
  );
}

/** What was compared on the longest text: figures of several texts would not be comparable. */
function largestComparison(
  comparisons: readonly RecordedComparison[],
): readonly RecordedComparison[] {
  const most = Math.max(...comparisons.map(({ tokens }) => tokens));
  const first = comparisons.find(({ tokens }) => tokens === most);
  return comparisons.filter(
    ({ text, runtime, tokens, window }) =>
      text === first?.text &&
      runtime === first.runtime &&
      tokens === first.tokens &&
      window === first.window,
  );
}

function ofText(compared: readonly RecordedComparison[], dtype: WeightFormat): Figures {
  return compared.find((each) => each.dtype === dtype)?.figures ?? {};
}

function ofGoldens({ verifications }: Manifest, dtype: WeightFormat): Figures {
  const found = verifications.filter((each) => each.dtype === dtype);
  const all = (key: string): readonly number[] =>
    found.flatMap(({ figures }) => (figures[key] === undefined ? [] : [figures[key]]));
  const [kls, tops] = [all('meanKl'), all('top1')];
  return {
    ...(kls.length > 0 && { meanKl: Math.max(...kls) }),
    ...(tops.length > 0 && { top1: Math.min(...tops) }),
  };
}

/** Every verification; empty where there was none. */
export function paritySection({ verifications }: Manifest): string {
  if (verifications.length === 0) return '';
  const heads = ['dtype', 'golden', 'runtime', 'largest difference', 'mean KL', 'result'];
  const sorted = weightFormats.flatMap((dtype) =>
    verifications.filter((verification) => verification.dtype === dtype),
  );
  const rows = sorted.map(({ dtype, golden, runtime, figures, passed }) => [
    dtype,
    plain(golden),
    plain(runtime),
    differenceOf(figures),
    figures['meanKl'] === undefined ? '' : formatFigure(figures['meanKl']),
    passed ? 'passed' : '**failed**',
  ]);
  const oracle = verifications.some(isOracle)
    ? '\n`oracle` is the checkpoint computed in double precision, straight from its weights.\n'
    : '';
  return `\
## Parity

Reference outputs against what the models compute: the worst of all prompts, run whole, token by token with the cache, in chunks and padded.

${table(heads, rows)}${oracle}`;
}

function isOracle({ golden }: Verification): boolean {
  return golden === 'oracle';
}

function differenceOf({ maxDifference, maxRelativeDifference }: Figures): string {
  if (maxDifference === undefined) return '';
  const part =
    maxRelativeDifference === undefined
      ? ''
      : ` (${formatFigure(maxRelativeDifference)} of the largest value)`;
  return formatFigure(maxDifference) + part;
}
