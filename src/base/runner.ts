// A model that runs somewhere: on ONNX Runtime, on the reference operators, on a GPU.

import type { Tensor, TensorType } from './tensors.ts';

export type Feeds = Readonly<Record<string, Tensor>>;

export interface Runner {
  /** `onnxruntime 1.30.0 (cpu)`, for reports. */
  readonly name: string;
  readonly inputs: ReadonlyMap<string, TensorType>;
  readonly outputs: readonly string[];
  run(feeds: Feeds): Promise<ReadonlyMap<string, Tensor>>;
  close(): Promise<void>;
}
