// A table that is larger than one binding is bound in parts, one dispatch each. What lies in another
// part is left as it is, so that the dispatches together fill a result.

/** Rows `first` to `first + count` of a table. */
export interface TablePart {
  readonly first: number;
  readonly count: number;
}

/** WGSL: names the row of the bound part that an index means; returns where the part lacks it. */
export function rowIn(part: TablePart | undefined, name: string, index: string): string {
  if (!part) return `let ${name} = ${index};`;
  // an index before the part wraps around, and is large
  return `let ${name} = ${index} - ${part.first}u;
  if (${name} >= ${part.count}u) { return; }`;
}
