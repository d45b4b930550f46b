// What is said of a weight that has no codes: it is not finite, or too large for its block's scale.

import { ToolkitError } from '../base/errors.ts';

/** The error; `tensor` is the checkpoint's name of the weight, `value` one of it or a block's scale. */
export function unfitWeight(
  tensor: string,
  value: number,
  isFinite: boolean = Number.isFinite(value),
): ToolkitError {
  const keep = `--keep ${tensor.replaceAll(/^model\.|\.weight$/g, '')}=fp32`;
  return new ToolkitError(
    'WEIGHT_OVERFLOW',
    isFinite ? 'the scale of a block of weights fits into half' : 'a quantized weight is finite',
    {
      where: { tensor, value },
      fix: isFinite ? `convert with ${keep}` : `mend the checkpoint, or convert with ${keep}`,
    },
  );
}
