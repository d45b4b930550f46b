// The model's configuration, normalised: what every stage after `config` reads.

export type Task = 'text-generation' | 'text-classification' | 'feature-extraction';

export type LayerType = 'full_attention' | 'sliding_attention';

export interface LayerConfig {
  readonly type: LayerType;
  /** Keys a query sees, itself included; -1 for all. */
  readonly window: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
}

/** A ModernBertDecoder's shape and meaning, as transformers 5.18 understands its config.json. */
export interface ModernBertDecoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHeads: number;
  /** hiddenSize / numHeads; even. */
  readonly headDim: number;
  readonly layers: readonly LayerConfig[];
  /** Rows of the rotary tables; longer sequences fail. */
  readonly maxPositions: number;
  readonly normEps: number;
  /** Bias of every LayerNorm. */
  readonly normBias: boolean;
  /** Bias of q, k, v and attn.Wo. */
  readonly attentionBias: boolean;
  /** Bias of mlp.Wi and mlp.Wo. */
  readonly mlpBias: boolean;
  /** Bias of the head's dense layer, and of the classifier. */
  readonly classifierBias: boolean;
  /** Bias of the vocabulary projection. */
  readonly decoderBias: boolean;
  /** Key of the activation table, for GeGLU. */
  readonly hiddenActivation: string;
  /** Key of the activation table, for the prediction head. */
  readonly classifierActivation: string;
  readonly tieWordEmbeddings: boolean;
  readonly padTokenId: number;
  /** Labels in order of their ids; its length is the number of labels. */
  readonly labels: readonly string[];
  /** Task named by `architectures`; undefined when the config names none. */
  readonly task: Task | undefined;
}
