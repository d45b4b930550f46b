// How a conversion quantizes: what the caller chose, completed and checked.

import { ToolkitError } from '../base/errors.ts';
import { type Quantization, quantizationMethods, type WeightFormat } from '../base/manifest.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { keptFormat, parseKeepRule, printKeepRule } from './keep.ts';

/** What blocks hold in number, in words for messages. */
export const blockSizeRule = 'a power of two from 16 to 128';

/** What an accuracy level is, in words for messages. */
export const accuracyLevelRule = 'a whole number from 0 to 4';

export function isBlockSize(value: number): boolean {
  return value >= 16 && value <= 128 && Number.isInteger(Math.log2(value));
}

export function isAccuracyLevel(value: number): boolean {
  return value >= 0 && value <= 4 && Number.isInteger(value);
}

/** Settings with defaults for what was not chosen. */
export function completeSettings(chosen: Partial<Quantization> = {}): Quantization {
  const { method = 'rtn', blockSize = 32, symmetry = 'auto', accuracyLevel = 4 } = chosen;
  if (!isBlockSize(blockSize)) refuse(`a block has ${blockSizeRule} weights`, { blockSize });
  if (!isAccuracyLevel(accuracyLevel)) {
    refuse(`an accuracy level is ${accuracyLevelRule}`, { accuracyLevel });
  }
  if (!quantizationMethods.includes(method)) {
    throw new ToolkitError('USAGE', `a method is one of ${quantizationMethods.join(', ')}`, {
      where: { method },
    });
  }
  const keep = (chosen.keep ?? []).map((rule) => parseKeepRule(printKeepRule(rule)));
  return { method, blockSize, symmetry, accuracyLevel, ...(keep.length > 0 && { keep }) };
}

/** How a weight is kept: as codes, or as floats. */
export type WeightForm = BlockScheme | 'float16' | 'float32';

/** How a quantized dtype keeps the weights that tensors of the checkpoint make up. */
export function formOf(
  dtype: WeightFormat,
  [tensor = '']: readonly string[],
  settings: Quantization,
): WeightForm {
  switch (keptFormat(settings.keep ?? [], dtype, tensor) ?? dtype) {
    case 'fp32':
      return 'float32';
    case 'fp16':
      return 'float16';
    case 'q8':
      return schemeOf(8, settings);
    default:
      return schemeOf(4, settings);
  }
}

/** How weights of so many bits are cut. Four bits are too few to waste on a range that is unused. */
function schemeOf(bits: 4 | 8, { blockSize, symmetry }: Quantization): BlockScheme {
  return {
    bits,
    blockSize,
    symmetric: symmetry === 'auto' ? bits === 8 : symmetry === 'symmetric',
  };
}

function refuse(rule: string, where: Readonly<Record<string, number>>): never {
  throw new ToolkitError('USAGE', rule, { where });
}
