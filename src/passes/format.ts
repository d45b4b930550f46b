// From the float32 graph to the graph of a format.

import type { Quantization, Target, WeightFormat } from '../base/manifest.ts';
import type { Pass } from '../ir/graph.ts';
import type { FusedRule } from '../ir/infer.ts';
import { schemeOf } from '../quantize/settings.ts';
import { half } from './half.ts';
import { quantize } from './quantize.ts';

/** The passes of a format as one; fused operators' rules type its result. */
export function toFormat(
  format: WeightFormat,
  fused: ReadonlyMap<string, FusedRule>,
  target: Target,
  quantization: Quantization,
): Pass {
  const { accuracyLevel } = quantization;
  const packed = (bits: 4 | 8): Pass =>
    quantize(fused, { target, scheme: schemeOf(bits, quantization), accuracyLevel });
  switch (format) {
    case 'fp32':
      return (graph) => graph;
    case 'fp16':
      return half(fused);
    case 'q8':
      return packed(8);
    case 'q4':
      return packed(4);
    case 'q4f16':
      return (graph) => packed(4)(half(fused)(graph));
  }
}
