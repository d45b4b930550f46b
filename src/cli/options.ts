// Options that several commands have, and how their values are read.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { type WeightFormat, weightFormats } from '../base/manifest.ts';

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

const formatList = weightFormats.join(', ');

/** A list of formats. */
export function parseDtypes(text: string): readonly WeightFormat[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  return names.map((name) => {
    const format = weightFormats.find((each) => each === name);
    if (format === undefined) throw new InvalidArgumentError(`Allowed are ${formatList}.`);
    return format;
  });
}

/** Values of an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** One format. */
export function parseDtype(text: string): WeightFormat {
  const [dtype, ...others] = parseDtypes(text);
  if (dtype !== undefined && others.length === 0) return dtype;
  throw new InvalidArgumentError(`One is expected of ${formatList}.`);
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
