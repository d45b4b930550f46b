// How many keys a query of a sliding layer sees, itself included: half of `local_attention`, which
// counts both directions as in the encoder. transformers 5 lets `sliding_window` override it, 4.x
// does not, so the two must agree.

import {
  integerOf,
  optionalInteger,
  unsupported,
  type Fields,
  type Range,
  type Warn,
} from './fields.ts';
import { writtenByVersion5 } from './version.ts';

const spanRange: Range = { min: 0, max: 2 ** 31 - 1 };
const windowRange: Range = { min: -1, max: 2 ** 31 - 1 };
const defaultSpan = 128;

/** The window of the sliding layers. */
export function readWindow(fields: Fields, warn: Warn): number {
  const span = fields.has('local_attention')
    ? optionalInteger(fields, 'local_attention', spanRange)
    : defaultSpan;
  const half = span === undefined || span === 0 ? -1 : Math.floor(span / 2);
  const own = fields.get('sliding_window');
  if (own === undefined) return checked(half, 'local_attention', span ?? null, warn);

  const window = integerOf(own, 'sliding_window', windowRange);
  if (window !== half && fields.has('local_attention') && span !== undefined) {
    throw unsupported(
      'sliding_window',
      window,
      `local_attention ${span} means a window of ${half}: transformers 5 would take the one and 4.x the other, with different logits`,
    );
  }
  if (window !== half && !writtenByVersion5(fields)) {
    warn(
      `transformers 4.54 to 4.57 did not read sliding_window and ran this file with a window of ${half}; ` +
        `this conversion follows 5.x, which reads ${window}`,
    );
  }
  return checked(window, 'sliding_window', window, warn);
}

function checked(window: number, field: string, value: number | null, warn: Warn): number {
  if (window < 1) {
    throw unsupported(
      field,
      value,
      'a query of a sliding layer has to see one key at least, or its attention is undefined',
    );
  }
  if (window === 1) {
    warn(
      'with a window of 1, transformers itself decodes wrongly from its cache; prefill is right',
    );
  }
  return window;
}
