// The npm package of this name carries no types; it is an independent reader in one test.
declare module 'safetensors' {
  export class SafeTensor {
    constructor(file: Uint8Array);
    readonly metadata: ReadonlyMap<
      string,
      { readonly dtype: string; readonly shape: readonly number[] }
    >;
    getTensor(name: string): Uint8Array;
  }
}
