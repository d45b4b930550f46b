// What text is made of, whatever computes it: a decoder that continues rows, and an encoder that
// judges them. Only a few logits of a step leave the device that computed them.

/** What may come next in a row. */
export interface Candidates {
  /** Best first; of equal logits the smaller id. */
  readonly ids: Uint32Array;
  /** After the repetition penalty; as many as ids. */
  readonly logits: Float32Array;
  /** Logarithm of the sum of exp(logit) over the whole vocabulary. */
  readonly logSum: number;
  /** Every logit of the row, for a sampler that needs more; valid until the next append. */
  all(): Promise<Float32Array>; // [vocabSize]
}

/** What is wanted of a step. */
export interface Ask {
  /** How many candidates of each row; 1 for the most likely alone. */
  readonly count: number;
  /** Logits of tokens that the row holds are divided by it where positive, else multiplied. */
  readonly repetitionPenalty: number;
}

/** Rows that are being continued. */
export interface Decoding {
  /**
   * Appends tokens to rows and gives what may follow each. A row that is undefined has ended and is
   * left alone. The first call of a row brings its prompt.
   */
  append(
    tokens: readonly (readonly number[] | undefined)[],
    ask: Ask,
  ): Promise<readonly (Candidates | undefined)[]>;
  /** Frees what the rows hold. */
  close(): Promise<void>;
}

/** A causal language model that continues rows of unequal lengths. */
export interface Decoder {
  /** `onnxruntime 1.30.0 (cpu)`, for people. */
  readonly name: string;
  /** Tokens that a row holds at most. */
  readonly maxPositions: number;
  readonly vocabSize: number;
  start(rows: number): Promise<Decoding>;
  close(): Promise<void>;
}

/** A classifier or feature extractor of rows of unequal lengths. */
export interface Encoder {
  /** `onnxruntime 1.30.0 (cpu)`, for people. */
  readonly name: string;
  /** Tokens that a row holds at most. */
  readonly maxPositions: number;
  /** Outputs of every row: logits [labels], or hidden states [tokens, hiddenSize] of its own tokens. */
  encode(rows: readonly (readonly number[])[]): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}
