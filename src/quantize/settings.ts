// How a conversion quantizes: what the caller chose, completed and checked.

import { ToolkitError } from '../base/errors.ts';
import { type Quantization, quantizationMethods } from '../base/manifest.ts';
import type { BlockScheme } from '../ir/graph.ts';

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
  return { method, blockSize, symmetry, accuracyLevel };
}

/** How weights of so many bits are cut. Four bits are too few to waste on a range that is unused. */
export function schemeOf(bits: 4 | 8, { blockSize, symmetry }: Quantization): BlockScheme {
  return {
    bits,
    blockSize,
    symmetric: symmetry === 'auto' ? bits === 8 : symmetry === 'symmetric',
  };
}

function refuse(rule: string, where: Readonly<Record<string, number>>): never {
  throw new ToolkitError('USAGE', rule, { where });
}
