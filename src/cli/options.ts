// Options that several commands have, and how their values are read.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { ToolkitError } from '../base/errors.ts';
import type { WeightFormat } from '../base/manifest.ts';

/** Where models are run. */
export type RuntimeChoice = 'auto' | 'webgpu' | 'onnxruntime' | 'reference';

/** `--runtime`. */
export function runtimeOption(): Option {
  return new Option('--runtime <runtime>', 'runtime that computes')
    .choices(['auto', 'webgpu', 'onnxruntime', 'reference'] satisfies RuntimeChoice[])
    .default('auto');
}

/** Options of every command. */
export function common(command: Command): Command {
  return command
    .option('--json', 'print one JSON document')
    .option('--debug', 'check every step, and print the stack of an error');
}

const written = new Set<string>(['fp32', 'fp16'] satisfies WeightFormat[]);
const planned = new Set(['q8', 'q4', 'q4f16']);

/** A list of formats. */
export function parseDtypes(text: string): readonly WeightFormat[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (planned.has(name)) {
      throw new ToolkitError('UNSUPPORTED_OPTION', 'this version writes no quantized models', {
        where: { dtype: name },
        fix: 'choose fp32, fp16, or both',
      });
    }
    if (!written.has(name)) throw new InvalidArgumentError('Allowed are fp32 and fp16.');
  }
  return [...new Set(names)].filter((name): name is WeightFormat => written.has(name));
}

/** Values of an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** One format. */
export function parseDtype(text: string): WeightFormat {
  const [dtype, ...others] = parseDtypes(text);
  if (dtype !== undefined && others.length === 0) return dtype;
  throw new InvalidArgumentError('One is expected, fp32 or fp16.');
}

/** Reads a number in a range; `says` completes "Expected is …". */
export function numberParser(
  says: string,
  holds: (value: number) => boolean,
): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (holds(value)) return value;
    throw new InvalidArgumentError(`Expected is ${says}.`);
  };
}
