// The manifest of a conversion, and the warnings about what it met.

import type { WrittenFile } from './base/files.ts';
import {
  type Calibration,
  type FloatValue,
  isQuantized,
  type Manifest,
  type Quantization,
} from './base/manifest.ts';
import { sizeOf } from './base/tensors.ts';
import { tool } from './base/version.ts';
import { floatsSentence } from './half-range.ts';
import type { Source } from './model/source.ts';
import { completeSettings } from './quantize/settings.ts';

/** The manifest of what was read, written and found. */
export function manifestOf(
  { checkpoint, task, warnings }: Source,
  parts: Pick<Manifest, 'target' | 'dtypes' | 'inputs' | 'source'> & {
    readonly floatValues: readonly FloatValue[];
    readonly quantization?: Partial<Quantization>;
    readonly calibrated?: Calibration;
    readonly outputs: readonly WrittenFile[];
    readonly unused: readonly string[];
    readonly nonFinite: Manifest['weights']['nonFinite'];
    readonly onWarning?: (sentence: string) => void;
  },
): Manifest {
  const { target, dtypes, inputs, source, outputs, unused, nonFinite, floatValues } = parts;
  const kept = floatsSentence(dtypes, floatValues);
  const found = [
    ...(kept === undefined ? [] : [kept]),
    ...(unused.length > 0 ? [`${task} does not use ${listed(unused)}`] : []),
    ...nonFinite.map(({ name, count }) => `${name} holds values that are not finite: ${count}`),
  ];
  for (const sentence of found) parts.onWarning?.(sentence);
  const parameters = [...checkpoint.tensors.values()].reduce((n, t) => n + sizeOf(t.shape), 0);
  return {
    schemaVersion: 1,
    tool,
    ...(source && { source }),
    task,
    target,
    dtypes,
    ...(dtypes.some(isQuantized) && {
      quantization: {
        ...completeSettings(parts.quantization),
        ...(parts.calibrated && { calibration: parts.calibrated }),
        ...(parts.quantization?.choices && { choices: parts.quantization.choices }),
      },
    }),
    ...(floatValues.length > 0 && { floatValues }),
    inputs: sorted(inputs),
    outputs: sorted(outputs),
    weights: { parameters, unused, nonFinite },
    warnings: [...warnings, ...found],
    verifications: [],
  };
}

function sorted(files: readonly WrittenFile[]): readonly WrittenFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

// Enough to recognize a head or an optimizer's state by.
const maxListed = 5;

function listed(names: readonly string[]): string {
  const rest = names.length - maxListed;
  return names.slice(0, maxListed).join(', ') + (rest > 0 ? ` and ${rest} more tensors` : '');
}
