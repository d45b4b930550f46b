// From the float32 graph to the graph of a format.

import type { Quantization, Target, WeightFormat } from '../base/manifest.ts';
import type { Pass } from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';
import { formOf } from '../quantize/settings.ts';
import { half } from './half.ts';
import { quantize } from './quantize.ts';

/**
 * The passes of a format as one; fused operators' rules type its result, and `floats` are values
 * that half formats keep in float32.
 */
export function toFormat(
  format: WeightFormat,
  fused: ReadonlyMap<string, FusedRule>,
  target: Target,
  quantization: Quantization,
  floats: ReadonlySet<string> = new Set(),
): Pass {
  const { accuracyLevel } = quantization;
  const packed = quantize(fused, {
    target,
    formOf: (tensors) => formOf(format, tensors, quantization),
    accuracyLevel,
  });
  switch (format) {
    case 'fp32':
      return (graph) => graph;
    case 'fp16':
      return half(fused, floats);
    case 'q8':
    case 'q4':
      return packed;
    case 'q4f16':
      return (graph) => packed(half(fused, floats)(graph));
  }
}
