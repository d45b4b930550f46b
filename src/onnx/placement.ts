// Where the bytes of an initializer stand.

/** A range of a data file beside the model. */
export interface ExternalRange {
  /** The data file's name. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** What an encoded model says about an initializer: its bytes, or where they are. */
export type Placement = { readonly bytes: Uint8Array } | ExternalRange;

/** Where an initializer goes, before its bytes are known: to a data file, or into the model. */
export type Place = ExternalRange | { readonly length: number };

export function isExternal(place: Place): place is ExternalRange {
  return 'location' in place;
}
