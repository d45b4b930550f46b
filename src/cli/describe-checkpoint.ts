// A checkpoint in facts: what the graph would be built from.

import type { LayerConfig, ModernBertDecoderConfig } from '../base/config.ts';
import type { SourceFolder } from '../base/files.ts';
import { sizeOf } from '../base/tensors.ts';
import { isTied } from '../model/bind.ts';
import type { Source } from '../model/source.ts';
import { tally, type Description } from './description.ts';
import { formatBytes, formatCount } from './sizes.ts';

export async function describeCheckpoint(
  { checkpoint, config, task, warnings }: Source,
  folder: SourceFolder,
): Promise<Description> {
  const tensors = [...checkpoint.tensors.values()];
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const bytes = tensors.reduce((sum, { size }) => sum + size, 0);
  const dtypes = tally(tensors.map(({ dtype }) => dtype));
  const tied = task === 'text-generation' && isTied(config, checkpoint.tensors);
  const files = await fileSizes(folder);
  const stored = Object.keys(dtypes).join(', ');
  return {
    headline: `ModernBertDecoder, ${task}`,
    facts: [
      ...(folder.hub ? [['Hub', `${folder.hub.id} at ${folder.hub.revision}`] as const] : []),
      ['parameters', `${formatCount(parameters)} in ${tensors.length} tensors (${stored})`],
      ['weights', formatBytes(bytes)],
      ...configFacts(config),
      ...(task === 'text-generation'
        ? [['projection', tied ? 'tied to the embedding' : 'weights of its own'] as const]
        : []),
      ...(task === 'text-classification' ? [['labels', config.labels.join(', ')] as const] : []),
      ['files', files.map(({ path, size }) => `${path} (${formatBytes(size)})`)],
    ],
    document: {
      kind: 'checkpoint',
      architecture: 'ModernBertDecoder',
      task,
      parameters,
      tensors: tensors.length,
      dtypes,
      bytes,
      tied,
      config,
      files,
      ...(folder.hub ? { source: folder.hub } : {}),
      findings: warnings,
    },
  };
}

function configFacts(config: ModernBertDecoderConfig): Description['facts'] {
  const { vocabSize, hiddenSize, intermediateSize, numHeads, headDim, maxPositions } = config;
  const biases = [
    config.attentionBias && 'attention',
    config.mlpBias && 'mlp',
    config.normBias && 'norms',
    config.decoderBias && 'projection',
    config.classifierBias && 'classifier',
  ].filter((name) => name !== false);
  return [
    ['vocabulary', `${formatCount(vocabSize)} tokens, ${config.padTokenId} is padding`],
    ['hidden size', `${hiddenSize}: ${numHeads} heads of ${headDim}`],
    ['mlp', `${intermediateSize}, ${config.hiddenActivation}`],
    ['layers', layerLines(config.layers)],
    ['positions', formatCount(maxPositions)],
    ['biases', biases.length === 0 ? 'none' : biases.join(', ')],
  ];
}

function layerLines(layers: readonly LayerConfig[]): readonly string[] {
  const kinds = tally(layers.map(layerKind));
  return Object.entries(kinds).map(([kind, count]) => `${count} × ${kind}`);
}

function layerKind({ window, ropeTheta }: LayerConfig): string {
  const sight = window < 0 ? 'full attention' : `a window of ${formatCount(window)} tokens`;
  return `${sight}, rope theta ${formatCount(ropeTheta)}`;
}

async function fileSizes(
  folder: SourceFolder,
): Promise<readonly { readonly path: string; readonly size: number }[]> {
  const files = [];
  for (const path of await folder.list()) {
    // a folder in it, or a broken link, is no file of the checkpoint
    const file = await folder.open(path).catch(() => undefined);
    if (file === undefined) continue;
    files.push({ path, size: file.size });
    await file.close();
  }
  return files;
}
