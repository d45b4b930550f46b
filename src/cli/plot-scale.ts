// From values to places on a plot, and the values that are marked on its axes.

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Scale {
  /** Where a value lies. */
  readonly place: (value: number) => number;
  readonly ticks: readonly Tick[];
}

/** Where an axis begins and ends on the plot. */
type Span = readonly [from: number, to: number];

const steps = [1, 2, 5, 10];
const wantedTicks = 6;
const maxNames = 12;

/** From 0 to `max`, with ticks at round values. */
export function linearScale(
  max: number,
  [from, to]: Span,
  format: (value: number) => string,
): Scale {
  const rough = max / wantedTicks;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (steps.find((each) => each * power >= rough) ?? 10);
  const place = (value: number): number => from + ((to - from) * value) / max;
  const count = Math.floor(max / step + 1e-9) + 1;
  const ticks = Array.from({ length: count }, (_, index) => ({
    at: place(index * step),
    label: format(index * step),
  }));
  return { place, ticks };
}

/** Whole powers of ten around values above 0, with a tick at each. */
export function logScale(values: readonly number[], [from, to]: Span): Scale {
  const logs = values.map((value) => Math.log10(value));
  const first = Math.floor(Math.min(...logs));
  const last = Math.max(Math.ceil(Math.max(...logs)), first + 1);
  const placeLog = (log: number): number => from + ((to - from) * (log - first)) / (last - first);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => ({
    at: placeLog(first + index),
    label: powerOfTen(first + index),
  }));
  return { place: (value) => placeLog(Math.log10(value)), ticks };
}

/** `0.001`, `1e-4`: as small figures stand in tables. */
function powerOfTen(exponent: number): string {
  return exponent < -3 || exponent > 3 ? `1e${exponent}` : String(Number(`1e${exponent}`));
}

/** One place for each name, by its index; of many names some are left out. */
export function placesScale(names: readonly string[], [from, to]: Span): Scale {
  const width = (to - from) / names.length;
  const place = (index: number): number => from + (index + 0.5) * width;
  const every = Math.ceil(names.length / maxNames);
  const ticks = names.flatMap((label, index) =>
    index % every === 0 || index === names.length - 1 ? [{ at: place(index), label }] : [],
  );
  return { place, ticks };
}

/** Places moved apart, in their order, so that neighbors are `gap` apart. */
export function spread(
  places: readonly number[],
  gap: number,
  [top, bottom]: Span,
): readonly number[] {
  const order = places
    .map((_, index) => index)
    .toSorted((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const moved = [...places];
  let least = top;
  for (const index of order) {
    moved[index] = Math.max(places[index] ?? 0, least);
    least = (moved[index] ?? 0) + gap;
  }
  let most = bottom;
  for (const index of order.toReversed()) {
    moved[index] = Math.min(moved[index] ?? 0, most);
    most = (moved[index] ?? 0) - gap;
  }
  return moved;
}
