import { describe, expect, it } from 'vitest';
import { ToolkitError } from './errors.ts';
import { parseManifest } from './manifest-reader.ts';
import {
  type FormatChoice,
  printManifest,
  withComparisons,
  withOutput,
  withVerifications,
  type Manifest,
  type RecordedComparison,
  type Verification,
} from './manifest.ts';

const file = (path: string): Manifest['outputs'][number] => ({
  path,
  size: 3,
  sha256: 'ab'.repeat(32),
});

const manifest: Manifest = {
  schemaVersion: 1,
  tool: { name: 'modernbert-onnx', version: '0.1.0' },
  source: { id: 'org/name', revision: '0123abcd' },
  task: 'text-generation',
  target: 'portable',
  dtypes: ['fp32', 'fp16'],
  inputs: [file('config.json'), file('model 1.safetensors')],
  outputs: [file('config.json'), file('onnx/model.onnx')],
  weights: { parameters: 12, unused: ['extra'], nonFinite: [{ name: 'w', count: 2 }] },
  warnings: ['a sentence'],
  verifications: [],
};

const verification: Verification = {
  file: 'onnx/model.onnx',
  dtype: 'fp32',
  runtime: 'onnxruntime 1.30.0 (cpu)',
  golden: 'shakespeare',
  passed: true,
  figures: { maxDifference: 1e-5, meanKl: 0 },
};

const comparison: RecordedComparison = {
  dtype: 'q4',
  runtime: 'onnxruntime 1.30.0 (cpu)',
  text: 'ef'.repeat(32),
  tokens: 512,
  window: 256,
  figures: { perplexity: 54.7, meanKl: 0.049, maxKl: 2, top1: 0.834 },
};

/** The manifest with one value changed, as bytes. */
function changed(path: readonly string[], value: unknown): Uint8Array {
  const compared = withComparisons(manifest, [comparison]);
  const root: unknown = JSON.parse(JSON.stringify(compared));
  let at = root as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
  return new TextEncoder().encode(JSON.stringify(root));
}

describe('a manifest', () => {
  it('reads back as it was written', () => {
    const measured = withComparisons(withVerifications(manifest, [verification]), [comparison]);
    expect(parseManifest(printManifest(measured))).toEqual(measured);
  });

  it('reads back how weights were quantized', () => {
    const quantization = {
      method: 'rtn',
      blockSize: 64,
      symmetry: 'asymmetric',
      accuracyLevel: 0,
    } as const;
    const quantized: Manifest = {
      ...manifest,
      dtypes: ['fp32', 'q8', 'q4', 'q4f16'],
      quantization,
    };
    expect(parseManifest(printManifest(quantized))).toEqual(quantized);
  });

  it.each([
    { source: 'text', sha256: 'cd'.repeat(32), tokens: 300 },
    { source: 'model', seed: 0, tokens: 8192 },
    { source: 'random', seed: 0, tokens: 8192 },
  ] as const)('reads back what gptq was calibrated on: $source', (calibration) => {
    const choices = { blockSize: 32, symmetry: 'auto', accuracyLevel: 4 } as const;
    const quantization = { method: 'gptq', ...choices, calibration } as const;
    const quantized: Manifest = { ...manifest, dtypes: ['q4'], quantization };
    expect(parseManifest(printManifest(quantized))).toEqual(quantized);
  });

  it('reads back what formats were chosen by, and refuses figures that are none', () => {
    const choice = {
      dtype: 'q4',
      target: 0.01,
      format: 'q4',
      raised: 'q8',
      kl: 0.0093,
      standardError: 0.00032,
      tokens: 2048,
      heldOut: true,
      klUnraised: 0.046,
      klRaised: 0.00045,
      units: [{ pattern: 'embeddings', format: 'q8', klAlone: 0.018, bytes: 126_976 }],
    } as const;
    const settings = { method: 'rtn', blockSize: 32, symmetry: 'auto', accuracyLevel: 4 } as const;
    const withChoices = (choices: readonly FormatChoice[]): Manifest => ({
      ...manifest,
      dtypes: ['q4'],
      quantization: { ...settings, choices },
    });
    const { klRaised, ...unraised } = choice;
    expect(klRaised).toBe(0.00045);
    for (const choices of [[choice], [{ ...unraised, units: [] }], []]) {
      const chosen = withChoices(choices);
      expect(parseManifest(printManifest(chosen))).toEqual(chosen);
    }
    for (const wrong of [{ kl: -1 }, { target: Number.NaN }, { tokens: 0.5 }]) {
      const bytes = printManifest(withChoices([{ ...choice, ...wrong }]));
      expect(() => parseManifest(bytes)).toThrow(/choices\[0\]/);
    }
  });

  it('needs no Hub repository as its source', () => {
    const { source, ...local } = manifest;
    expect(source).toBeDefined();
    expect(parseManifest(printManifest(local))).toEqual(local);
  });

  it('keeps a figure that is no number', () => {
    const measured = withVerifications(manifest, [
      { ...verification, figures: { kl: Number.NaN } },
    ]);
    expect(parseManifest(printManifest(measured)).verifications[0]?.figures).toEqual({
      kl: Number.NaN,
    });
  });

  it.each([
    [['schemaVersion'], 2, /another schemaVersion than 1/],
    [['task'], 'fill-mask', /the manifest\.task is none of/],
    [['dtypes'], 'fp32', /is not a list/],
    [['dtypes'], [], /lists no dtype/],
    [['outputs', '0', 'path'], '../config.json', /outputs\[0\] has no plain path/],
    [['outputs', '0', 'path'], '/etc/passwd', /plain path/],
    [['outputs', '1', 'path'], 'a/b/c', /plain path/],
    [['outputs', '0', 'sha256'], 'AB'.repeat(32), /sha256 is not 64 hexadecimal digits/],
    [['inputs', '0', 'size'], -1, /size is not a whole number/],
    [['weights', 'unused'], [3], /unused\[0\] is not a string/],
    [['source'], [], /source is not an object/],
    [['source'], { id: 'org/name' }, /source has no field revision/],
    [['verifications'], undefined, /has no field verifications/],
    [['comparisons'], 'none', /comparisons is not a list/],
    [['comparisons', '0', 'dtype'], 'q3', /comparisons\[0\]\.dtype is none of/],
    [['comparisons', '0', 'text'], 'verse.txt', /\[0\]\.text is not 64 hexadecimal digits/],
    [['comparisons', '0', 'tokens'], 0.5, /tokens is not a whole number/],
  ])('is refused where %j is %j', (path, value, message) => {
    const parse = (): Manifest => parseManifest(changed(path, value));
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID', exitStatus: 65 }));
  });

  it('is refused when it is no text', () => {
    expect(() => parseManifest(Uint8Array.of(0xff, 0xfe))).toThrow(ToolkitError);
  });

  it('takes a file that is written again in its place, and others in order', () => {
    const again = { ...file('config.json'), size: 4 };
    const { outputs } = withOutput(withOutput(manifest, again), file('golden.safetensors'));
    expect(outputs).toEqual([again, file('golden.safetensors'), file('onnx/model.onnx')]);
  });

  it('replaces a measurement that is repeated, and only that', () => {
    const other = { ...verification, golden: 'another' };
    const failed = { ...verification, passed: false };
    const { verifications } = withVerifications(
      withVerifications(manifest, [verification, other]),
      [failed],
    );
    expect(verifications).toEqual([other, failed]);
  });

  it('replaces a comparison that is repeated, and keeps those on other texts', () => {
    const other = { ...comparison, text: '00'.repeat(32) };
    const base = { ...comparison, dtype: 'fp32', figures: { perplexity: 53.7 } } as const;
    const again = { ...comparison, figures: { ...comparison.figures, meanKl: 0.05 } };
    const first = withComparisons(manifest, [comparison, other]);
    expect(withComparisons(first, [again, base]).comparisons).toEqual([other, base, again]);
  });
});
