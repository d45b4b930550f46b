// The plots of a comparison. KL divergence spans decades, so its axis is logarithmic; a divergence of
// 0, or one that is not finite, has no place there and stands in the tables alone.

import type { CompareReport, ComparedModel } from './compare-report.ts';
import { drawn, frame, line, namedAt, namedBeside, plot, type Series, text } from './plot.ts';
import { linearScale, logScale, placesScale } from './plot-scale.ts';
import { formatBytes, formatCount, formatFigure } from './sizes.ts';

const { left, right, top, bottom } = frame;

/** Size against mean divergence; empty where no model has a place. */
export function sizePlot({ models: [base, ...others] }: CompareReport): string {
  const shown = others.filter(({ kl }) => hasPlace(kl));
  if (base === undefined || shown.length === 0) return '';
  const largest = Math.max(base.bytes, ...shown.map(({ bytes }) => bytes));
  const x = linearScale(1.04 * largest, [left, right], (bytes) => formatBytes(bytes));
  const y = logScale(shown.map(klOf), [bottom, top]);
  const series = shown.map((model): Series => {
    const [size, kl] = [formatBytes(model.bytes), formatFigure(klOf(model))];
    const title = `${model.dtype}: ${size}, mean KL ${kl}`;
    return {
      dtype: model.dtype,
      points: [{ x: x.place(model.bytes), y: y.place(klOf(model)), title }],
    };
  });
  const at = x.place(base.bytes);
  return plot(
    {
      id: 'size-plot',
      title: 'Size against mean KL divergence',
      description: `${list(series)}. fp32 has ${formatBytes(base.bytes)} and no divergence.`,
      xLabel: 'model and data files',
      yLabel: 'mean KL from fp32, nats',
    },
    x,
    y,
    line('base', [at, top], [at, bottom]),
    text('tick end', at - 6, top + 10, 'size of fp32'),
    namedBeside(series),
    ...series.map(drawn),
  );
}

/** Divergence along the window; empty where no model has a place. */
export function positionPlot({ models, window }: CompareReport): string {
  const shown = models.flatMap(({ dtype, klByPosition = [] }) => {
    const bins = klByPosition.filter(({ kl }) => hasPlace(kl));
    return bins.length === 0 ? [] : [{ dtype, bins }];
  });
  if (shown.length === 0) return '';
  const x = linearScale(window, [left, right], formatCount);
  const y = logScale(
    shown.flatMap(({ bins }) => bins.map(({ kl }) => kl)),
    [bottom, top],
  );
  const series = shown.map(({ dtype, bins }): Series => ({
    dtype,
    points: bins.map(({ from, to, kl }) => ({
      x: x.place((from + to) / 2),
      y: y.place(kl),
      title: `${dtype}, ${binName(from, to)}: mean KL ${formatFigure(kl)}`,
    })),
  }));
  const ends = shown.map(({ dtype, bins }) => {
    const [first, last] = [bins[0], bins.at(-1)].map((bin) => formatFigure(bin?.kl ?? 0));
    return `${dtype} goes from ${first} to ${last}`;
  });
  return plot(
    {
      id: 'position-plot',
      title: 'Mean KL divergence by position',
      description: `From the first to the last positions of the window: ${ends.join('; ')}.`,
      xLabel: 'position in the window',
      yLabel: 'mean KL from fp32, nats',
    },
    x,
    y,
    namedAt(series, right + 16),
    ...series.map(drawn),
  );
}

/** Errors of the sums from the embeddings to the last layer; empty where no model has a place. */
export function layerPlot({ models }: CompareReport): string {
  const parts = partsOf(models);
  const shown = models.flatMap(({ dtype, layerErrors: errors = [] }) => {
    const placed = errors.filter(({ error }) => hasPlace(error));
    return placed.length === 0 ? [] : [{ dtype, placed }];
  });
  if (shown.length === 0) return '';
  const x = placesScale(
    parts.map((part) => part.replace(/^layer /, '')),
    [left, right],
  );
  const y = logScale(
    shown.flatMap(({ placed }) => placed.map(({ error }) => error)),
    [bottom, top],
  );
  const series = shown.map(({ dtype, placed }): Series => ({
    dtype,
    points: placed.map(({ part, error }) => ({
      x: x.place(parts.indexOf(part)),
      y: y.place(error),
      title: `${dtype}, ${part}: ${formatFigure(error)}`,
    })),
  }));
  const ranges = shown.map(({ dtype, placed }) => {
    const errors = placed.map(({ error }) => error);
    const [least, most] = [Math.min(...errors), Math.max(...errors)].map(formatFigure);
    return `${dtype} has ${least} to ${most}`;
  });
  return plot(
    {
      id: 'layer-plot',
      title: 'Relative error behind each layer',
      description: `From the embeddings to the last layer: ${ranges.join('; ')}.`,
      xLabel: 'layer',
      yLabel: 'relative error',
    },
    x,
    y,
    namedAt(series, right + 16),
    ...series.map(drawn),
  );
}

/** The parts that models have errors of, in their order. */
export function partsOf(models: readonly ComparedModel[]): readonly string[] {
  return [
    ...new Set(models.flatMap(({ layerErrors = [] }) => layerErrors.map(({ part }) => part))),
  ];
}

/** `positions 0–15` */
export function binName(from: number, to: number): string {
  return to - from === 1 ? `position ${from}` : `positions ${from}–${to - 1}`;
}

function hasPlace(kl: number | undefined): boolean {
  return kl !== undefined && kl > 0 && Number.isFinite(kl);
}

function klOf({ kl = 0 }: ComparedModel): number {
  return kl;
}

function list(series: readonly Series[]): string {
  return series.flatMap(({ points }) => points.map(({ title }) => title)).join('; ');
}
