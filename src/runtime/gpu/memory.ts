// Which matrices share memory: one that nobody reads any more gives its place to a later one.

export interface Lifetime {
  readonly name: string;
  readonly bytes: number;
  /** The steps that make it and that read it last. */
  readonly first: number;
  readonly last: number;
}

export interface Assignment {
  /** Bytes of each place; their sum is the peak. */
  readonly places: readonly number[];
  /** The place of each matrix. */
  readonly placeOf: ReadonlyMap<string, number>;
}

/** Gives each matrix the smallest free place that is large enough, else the largest, enlarged. */
export function assign(lifetimes: readonly Lifetime[]): Assignment {
  const places: { bytes: number; free: number }[] = [];
  const placeOf = new Map<string, number>();
  for (const { name, bytes, first, last } of lifetimes.toSorted((a, b) => a.first - b.first)) {
    const free = places
      .map((place, index) => ({ ...place, index }))
      .filter((place) => place.free < first)
      .toSorted((a, b) => a.bytes - b.bytes);
    const chosen = free.find((place) => place.bytes >= bytes) ?? free.at(-1);
    const index = chosen?.index ?? places.length;
    places[index] = { bytes: Math.max(bytes, chosen?.bytes ?? 0), free: last };
    placeOf.set(name, index);
  }
  return { places: places.map((place) => place.bytes), placeOf };
}
