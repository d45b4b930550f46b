// A plot as SVG: a frame with axes, series of points told apart by color, shape and name. Styles are
// the page's; names and descriptions are for those who do not see it.

import type { WeightFormat } from '../base/manifest.ts';
import { escaped, tag } from './markup.ts';
import { type Scale, spread } from './plot-scale.ts';

/** The size of a plot, and the part of it between the axes. */
export const frame = {
  width: 680,
  height: 360,
  left: 64,
  right: 600,
  top: 16,
  bottom: 308,
} as const;

/** A point, and what is told of it. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly title: string;
}

export interface Series {
  readonly dtype: WeightFormat;
  readonly points: readonly Point[];
}

export interface PlotText {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
}

/** The whole picture around `content`. */
export function plot(
  { id, title, description, xLabel, yLabel }: PlotText,
  x: Scale,
  y: Scale,
  ...content: readonly string[]
): string {
  const { width, height, left, right, top, bottom } = frame;
  const middle = (top + bottom) / 2;
  const attributes = {
    id,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-labelledby': `${id}-title ${id}-description`,
  };
  return tag(
    'svg',
    attributes,
    tag('title', { id: `${id}-title` }, escaped(title)),
    tag('desc', { id: `${id}-description` }, escaped(description)),
    ...y.ticks.map(({ at, label }) =>
      [line('grid', [left, at], [right, at]), text('tick end', left - 8, at + 4, label)].join(''),
    ),
    ...x.ticks.map(({ at, label }) => text('tick middle', at, bottom + 18, label)),
    line('axis', [left, bottom], [right, bottom]),
    text('label middle', (left + right) / 2, height - 8, xLabel),
    tag(
      'text',
      { class: 'label middle', transform: `translate(14 ${middle}) rotate(-90)` },
      escaped(yLabel),
    ),
    ...content,
  );
}

/** A series: a line where there are several points, and a shape at each. */
export function drawn({ dtype, points }: Series): string {
  const path = points.map(({ x, y }) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ');
  return tag(
    'g',
    { class: `series ${dtype}` },
    ...(points.length > 1 ? [tag('polyline', { points: path })] : []),
    ...points.map(({ x, y, title }) =>
      tag(
        'path',
        {
          class: 'point',
          d: shapes[dtype],
          transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
        },
        tag('title', {}, escaped(title)),
      ),
    ),
  );
}

/** Shapes of about equal area around 0, 0. */
const shapes: Readonly<Record<WeightFormat, string>> = {
  fp32: 'M-4-1H4V1H-4Z',
  fp16: 'M-4.5 0A4.5 4.5 0 1 1 4.5 0A4.5 4.5 0 1 1-4.5 0Z',
  q8: 'M-4-4H4V4H-4Z',
  q4: 'M0-5.4L5.2 3.9H-5.2Z',
  q4f16: 'M0-5.6L5.6 0L0 5.6L-5.6 0Z',
};

/** A series' last point. */
interface End extends Point {
  readonly dtype: WeightFormat;
}

/** Names of series at one place behind their last points, clear of each other; drawn below them. */
export function namedAt(series: readonly Series[], at: number): string {
  return names(endsOf(series), () => at, 'start');
}

/** Names of single points, right of them, or left where another point is in the way. */
export function namedBeside(series: readonly Series[]): string {
  const ends = endsOf(series);
  const isCrowded = ({ x, y }: End): boolean =>
    ends.some((other) => other.x > x && other.x - x < 90 && Math.abs(other.y - y) < lineHeight);
  const [crowded, free] = [ends.filter(isCrowded), ends.filter((end) => !isCrowded(end))];
  return names(free, ({ x }) => x + 24, 'start') + names(crowded, ({ x }) => x - 24, 'end');
}

const lineHeight = 17;

function names(ends: readonly End[], at: (end: End) => number, anchor: 'start' | 'end'): string {
  const places = spread(
    ends.map(({ y }) => y),
    lineHeight,
    [frame.top, frame.bottom - 4],
  );
  return ends
    .map((end, index) => {
      const [to, place] = [at(end), places[index] ?? end.y];
      const leader = line('leader', [end.x, end.y], [to + (anchor === 'end' ? 4 : -4), place]);
      return tag(
        'g',
        { class: `name ${end.dtype}` },
        leader,
        text(anchor, to, place + 4, end.dtype),
      );
    })
    .join('');
}

function endsOf(series: readonly Series[]): readonly End[] {
  return series.flatMap(({ dtype, points }) => {
    const last = points.at(-1);
    return last ? [{ ...last, dtype }] : [];
  });
}

export function line(
  name: string,
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): string {
  return tag('line', { class: name, x1, y1, x2, y2 });
}

export function text(name: string, x: number, y: number, content: string): string {
  return tag('text', { class: name, x, y }, escaped(content));
}
