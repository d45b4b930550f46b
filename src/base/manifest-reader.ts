// A manifest read back. It comes with a folder that anybody may have made, so every field is
// checked before it is believed: a path in it is opened.

import { ToolkitError } from './errors.ts';
import type { WrittenFile } from './files.ts';
import { decodeUtf8 } from './json-file.ts';
import { parseJson, type JsonValue } from './json.ts';
import {
  type Calibration,
  type ChosenUnit,
  type FloatValue,
  type FormatChoice,
  type KeepRule,
  keptFormats,
  manifestName,
  type Manifest,
  quantizationMethods,
  type RecordedComparison,
  type Verification,
  weightFormats,
} from './manifest.ts';

/** Parses and checks the bytes of a manifest. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const text = decodeUtf8(bytes);
  if (text === undefined) return fail('is not UTF-8', 'the manifest');
  const root = new Field(parseJson(text, { what: manifestName }), 'the manifest');
  if (root.get('schemaVersion').number() !== 1) {
    fail('has another schemaVersion than 1, the one this version reads', 'the manifest');
  }
  const source = root.optional('source');
  const weights = root.get('weights');
  return {
    schemaVersion: 1,
    tool: {
      name: root.get('tool').get('name').text(),
      version: root.get('tool').get('version').text(),
    },
    ...(source === undefined
      ? {}
      : { source: { id: source.get('id').text(), revision: source.get('revision').text() } }),
    task: root
      .get('task')
      .among(['text-generation', 'text-classification', 'feature-extraction'] as const),
    target: root.get('target').among(['onnxruntime', 'portable'] as const),
    dtypes: readDtypes(root),
    ...readQuantization(root.optional('quantization')),
    ...readFloatValues(root),
    inputs: root.list('inputs').map(readFile),
    outputs: root.list('outputs').map(readOutput),
    weights: {
      parameters: weights.get('parameters').count(),
      unused: weights.list('unused').map((item) => item.text()),
      nonFinite: weights
        .list('nonFinite')
        .map((item) => ({ name: item.get('name').text(), count: item.get('count').count() })),
    },
    warnings: root.list('warnings').map((item) => item.text()),
    verifications: root.list('verifications').map(readVerification),
    ...readComparisons(root),
  };
}

// Without a model, a verification would have nothing to fail.
function readDtypes(root: Field): Manifest['dtypes'] {
  const dtypes = root.list('dtypes').map((item) => item.among(weightFormats));
  return dtypes.length > 0 ? dtypes : fail('lists no dtype', 'the manifest');
}

function readQuantization(field: Field | undefined): Pick<Manifest, 'quantization'> {
  if (field === undefined) return {};
  return {
    quantization: {
      method: field.get('method').among(quantizationMethods),
      blockSize: field.get('blockSize').count(),
      symmetry: field.get('symmetry').among(['auto', 'symmetric', 'asymmetric'] as const),
      accuracyLevel: field.get('accuracyLevel').count(),
      ...readKeep(field),
      ...readCalibration(field.optional('calibration')),
      ...readChoices(field),
    },
  };
}

function readFloatValues(root: Field): Pick<Manifest, 'floatValues'> {
  if (root.optional('floatValues') === undefined) return {};
  const read = (item: Field): FloatValue => ({
    name: item.get('name').text(),
    largest: item.get('largest').number(),
  });
  return { floatValues: root.list('floatValues').map(read) };
}

function readKeep(field: Field): { readonly keep?: readonly KeepRule[] } {
  if (field.optional('keep') === undefined) return {};
  return {
    keep: field.list('keep').map((rule) => {
      const dtype = rule.optional('dtype')?.among(weightFormats);
      return {
        ...(dtype !== undefined && { dtype }),
        pattern: rule.get('pattern').text(),
        format: rule.get('format').among(keptFormats),
      };
    }),
  };
}

function readChoices(field: Field): { readonly choices?: readonly FormatChoice[] } {
  if (field.optional('choices') === undefined) return {};
  return { choices: field.list('choices').map(readChoice) };
}

function readChoice(choice: Field): FormatChoice {
  const klRaised = choice.optional('klRaised')?.amount();
  return {
    dtype: choice.get('dtype').among(weightFormats),
    target: choice.get('target').amount(),
    format: choice.get('format').among(keptFormats),
    raised: choice.get('raised').among(keptFormats),
    kl: choice.get('kl').amount(),
    standardError: choice.get('standardError').amount(),
    tokens: choice.get('tokens').count(),
    heldOut: choice.get('heldOut').flag(),
    klUnraised: choice.get('klUnraised').amount(),
    ...(klRaised !== undefined && { klRaised }),
    units: choice.list('units').map((unit): ChosenUnit => ({
      pattern: unit.get('pattern').text(),
      format: unit.get('format').among(keptFormats),
      klAlone: unit.get('klAlone').amount(),
      bytes: unit.get('bytes').count(),
    })),
  };
}

function readCalibration(field: Field | undefined): { readonly calibration?: Calibration } {
  if (field === undefined) return {};
  const source = field.get('source').among(['text', 'model', 'random'] as const);
  const tokens = field.get('tokens').count();
  if (source !== 'text') {
    return { calibration: { source, seed: field.get('seed').count(), tokens } };
  }
  return { calibration: { source, sha256: readSha256(field), tokens } };
}

// Plain names, at most one folder deep: what a conversion writes and all that is opened.
const pathPattern = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*\/)?[A-Za-z0-9_][A-Za-z0-9._-]*$/;

function readOutput(item: Field): WrittenFile {
  const file = readFile(item);
  if (!pathPattern.test(file.path) || file.path.includes('..')) {
    fail('has no plain path', item.at, file.path);
  }
  return file;
}

function readFile(item: Field): WrittenFile {
  const path = item.get('path').text();
  return { path, size: item.get('size').count(), sha256: readSha256(item) };
}

function readSha256(item: Field, key = 'sha256'): string {
  const sha256 = item.get(key).text();
  if (!/^[0-9a-f]{64}$/.test(sha256)) fail('is not 64 hexadecimal digits', `${item.at}.${key}`);
  return sha256;
}

function readVerification(item: Field): Verification {
  return {
    file: item.get('file').text(),
    dtype: item.get('dtype').among(weightFormats),
    runtime: item.get('runtime').text(),
    golden: item.get('golden').text(),
    passed: item.get('passed').flag(),
    figures: item.get('figures').numbers(),
  };
}

function readComparisons(root: Field): Pick<Manifest, 'comparisons'> {
  if (root.optional('comparisons') === undefined) return {};
  const read = (item: Field): RecordedComparison => ({
    dtype: item.get('dtype').among(weightFormats),
    runtime: item.get('runtime').text(),
    text: readSha256(item, 'text'),
    tokens: item.get('tokens').count(),
    window: item.get('window').count(),
    figures: item.get('figures').numbers(),
  });
  return { comparisons: root.list('comparisons').map(read) };
}

/** A value of the manifest with the place where it stands. */
class Field {
  readonly at: string;
  readonly #value: JsonValue;

  constructor(value: JsonValue, at: string) {
    this.#value = value;
    this.at = at;
  }

  get(key: string): Field {
    return this.optional(key) ?? fail(`has no field ${key}`, this.at);
  }

  optional(key: string): Field | undefined {
    const value = this.#map().get(key);
    return value === undefined ? undefined : new Field(value, `${this.at}.${key}`);
  }

  list(key: string): readonly Field[] {
    const field = this.get(key);
    const value = field.#value;
    if (!Array.isArray(value)) return fail('is not a list', field.at);
    return value.map((item: JsonValue, index) => new Field(item, `${field.at}[${index}]`));
  }

  text(): string {
    return typeof this.#value === 'string' ? this.#value : fail('is not a string', this.at);
  }

  number(): number {
    return typeof this.#value === 'number' ? this.#value : fail('is not a number', this.at);
  }

  /** Not below 0. */
  amount(): number {
    const value = this.number();
    return value >= 0 ? value : fail('is below 0', this.at);
  }

  count(): number {
    const value = this.number();
    return Number.isSafeInteger(value) && value >= 0
      ? value
      : fail('is not a whole number of 0 or more', this.at);
  }

  flag(): boolean {
    return typeof this.#value === 'boolean'
      ? this.#value
      : fail('is neither true nor false', this.at);
  }

  among<T extends string>(choices: readonly T[]): T {
    const text = this.text();
    const found = choices.find((choice) => choice === text);
    return found ?? fail(`is none of ${choices.join(', ')}`, this.at, text);
  }

  numbers(): Readonly<Record<string, number>> {
    // JSON has no NaN and no Infinity: they are written as null.
    const entries = [...this.#map()].map(([key, value]) => [
      key,
      value === null ? Number.NaN : this.get(key).number(),
    ]);
    return Object.fromEntries(entries);
  }

  #map(): ReadonlyMap<string, JsonValue> {
    const value = this.#value;
    return value instanceof Map ? value : fail('is not an object', this.at);
  }
}

function fail(rule: string, at: string, got?: string): never {
  throw new ToolkitError('MANIFEST_INVALID', `${at} ${rule}`, {
    where: { file: manifestName, ...(got === undefined ? {} : { got }) },
    fix: 'convert again',
  });
}
