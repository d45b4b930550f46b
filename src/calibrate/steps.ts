// The products of the model in their order: what inputs each has, and which weights read them.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { embedding, type Matrix, type Stream } from './stream.ts';
import type { Weights } from './weights.ts';

export interface Step {
  /** Weights whose inputs these are. */
  readonly names: readonly string[];
  /** Of the inputs. */
  readonly width: number;
  /** Moves a stream on to the inputs; `matrix` gives the weights of the step before. */
  readonly inputs: (stream: Stream, matrix: Matrix) => Promise<Float32Array>;
}

/** The weight that the head's outputs come from. */
export function projectionOf(task: Task, weights: Pick<Weights, 'has'>): string {
  if (task === 'text-classification') return 'classifier.weight';
  return weights.has('decoder.weight') ? 'decoder.weight' : embedding;
}

/** All steps for a task; `projection` names what turns hidden states into its outputs. */
export function stepsOf(
  config: ModernBertDecoderConfig,
  task: Task,
  projection: string,
): readonly Step[] {
  const steps = config.layers.flatMap((_, layer) => layerSteps(config, layer));
  if (task === 'feature-extraction') return steps;
  const head = task === 'text-generation' ? 'lm_head' : 'head';
  const width = config.hiddenSize;
  return [
    ...steps,
    {
      names: [`${head}.dense.weight`],
      width,
      inputs: (stream, matrix) => stream.beforeHead(matrix),
    },
    { names: [projection], width, inputs: (stream, matrix) => stream.head(head, matrix) },
  ];
}

function layerSteps(
  { hiddenSize, intermediateSize }: ModernBertDecoderConfig,
  layer: number,
): readonly Step[] {
  const named = (...parts: readonly string[]): readonly string[] =>
    parts.map((part) => `model.layers.${layer}.${part}.weight`);
  return [
    {
      names: named('attn.q_proj', 'attn.k_proj', 'attn.v_proj'),
      width: hiddenSize,
      inputs: (stream, matrix) => stream.beforeAttention(layer, matrix),
    },
    {
      names: named('attn.Wo'),
      width: hiddenSize,
      inputs: (stream, matrix) => stream.attention(layer, matrix),
    },
    {
      names: named('mlp.Wi'),
      width: hiddenSize,
      inputs: (stream, matrix) => stream.afterAttention(layer, matrix),
    },
    {
      names: named('mlp.Wo'),
      width: intermediateSize,
      inputs: (stream, matrix) => stream.gate(layer, matrix),
    },
  ];
}
