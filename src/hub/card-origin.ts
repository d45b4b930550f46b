// The sections of a model card that say where its models compute what they should, and how they
// were made.

import type { Calibration, Manifest, Quantization, Target } from '../base/manifest.ts';
import { modelPaths } from '../base/manifest.ts';
import { formatCount } from '../base/sizes.ts';
import { defaultDtype } from './card-usage.ts';
import { isCommit, isHubId } from './names.ts';
import { code, plain } from './markdown.ts';

const places: Readonly<Record<Target, string>> = {
  onnxruntime: `\
- ONNX Runtime 1.24 and later, and what is built on it, as transformers.js 4, on WebAssembly too. Earlier versions count the sliding window in another way, and refuse the file for its opset.
- the GPU runtime of modernbert-onnx.

It is wrong on ONNX Runtime's WebGPU provider on Vulkan (Linux, Android), whose own attention is: convert with \`--target portable\` for that.
`,
  portable: `\
- ONNX Runtime 1.21 and later, also on its WebGPU provider, on Vulkan too: the operators are made of standard ONNX.
- the GPU runtime of modernbert-onnx.
`,
};

/** Where the default file is right. */
export function runtimesSection(manifest: Manifest): string {
  const dtype = defaultDtype(manifest);
  const file = code(modelPaths[dtype]);
  return `## Runtimes\n\nThe default file, ${file} (${dtype}), is right on\n\n${places[manifest.target]}`;
}

/** The checkpoint as a link at its commit; undefined where it came from no repository. */
export function sourceLink({ source }: Manifest): string | undefined {
  if (source === undefined || !isHubId(source.id)) return undefined;
  const { id, revision } = source;
  const at = isCommit(revision) ? `/tree/${revision}` : '';
  return `[${plain(id)}](https://huggingface.co/${id}${at})`;
}

/** From what, with what and how. */
export function conversionSection(manifest: Manifest): string {
  const { tool, target, task, weights, quantization, warnings } = manifest;
  const { source } = manifest;
  const link = sourceLink(manifest);
  const commit = source !== undefined && isCommit(source.revision) ? source.revision : undefined;
  const from =
    link === undefined
      ? 'a checkpoint on disk'
      : `${link}${commit === undefined ? '' : ` at commit \`${commit}\``}`;
  const lines = [
    `Checkpoint: ${from}, ${formatCount(weights.parameters)} parameters.`,
    `Tool: ${plain(tool.name)} ${plain(tool.version)}, for ${task}, target \`${target}\`. The graph is built from config.json and the weights are copied, without tracing.`,
    ...(quantization === undefined ? [] : [quantizationSentence(quantization)]),
    ...warnings.slice(0, maxWarnings).map((warning) => `Noted: ${plain(warning)}.`),
    ...(warnings.length > maxWarnings ? [`${warnings.length - maxWarnings} more notes.`] : []),
    'The manifest, `modernbert-onnx.json`, has size and sha256 of every file read and written. The same checkpoint and options give the same bytes.',
  ];
  return `## Conversion\n\n${lines.map((line) => `- ${line}\n`).join('')}`;
}

// More would hide what matters; the manifest has them all.
const maxWarnings = 8;

function quantizationSentence(quantization: Quantization): string {
  const { method, blockSize, symmetry, accuracyLevel, keep = [], calibration } = quantization;
  const kept = keep.map(({ dtype, pattern, format }) => {
    return `${code(pattern)} as ${format}${dtype === undefined ? '' : ` in ${dtype}`}`;
  });
  const zeroPoints = {
    auto: 'zero points for 4 bits',
    symmetric: 'no zero points',
    asymmetric: 'zero points',
  }[symmetry];
  return (
    `Quantization: ${method}, blocks of ${blockSize} weights, ${zeroPoints}, accuracy level ${accuracyLevel}` +
    (calibration === undefined ? '' : `, calibrated on ${calibrationText(calibration)}`) +
    (kept.length === 0 ? '.' : `; kept: ${kept.join(', ')}.`)
  );
}

function calibrationText(calibration: Calibration): string {
  const tokens = `${formatCount(calibration.tokens)} tokens`;
  switch (calibration.source) {
    case 'text':
      return `${tokens} of a text whose sha256 begins with ${calibration.sha256.slice(0, 12)}`;
    case 'model':
      return `${tokens} that the model wrote`;
    case 'random':
      return `${tokens} at random`;
  }
}
