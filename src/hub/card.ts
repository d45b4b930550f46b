// The model card of a repository of converted models: README.md, made of the manifest alone, so that
// it says what was measured and nothing else. What people wrote into the one that is there stays.

import { ToolkitError } from '../base/errors.ts';
import type { Manifest } from '../base/manifest.ts';
import { filesSection, paritySection } from './card-figures.ts';
import { conversionSection, runtimesSection, sourceLink } from './card-origin.ts';
import { around, partOf } from './card-part.ts';
import { inherited } from './card-source.ts';
import { usageSection } from './card-usage.ts';
import {
  type FrontMatter,
  type Merged,
  mergeFrontMatter,
  newFrontMatter,
  splitCard,
} from './front-matter.ts';
import { plain } from './markdown.ts';
import { isCommit, isHubId } from './names.ts';

export interface CardFacts {
  readonly manifest: Manifest;
  /** The repository that the card is for, as its programs name it: `owner/name`. */
  readonly id: string;
  /** README.md of the checkpoint, where it is known. */
  readonly sourceCard?: string;
  /** README.md that the card takes the place of, where there is one. */
  readonly existing?: string;
}

/**
 * The text of README.md. The same facts give the same bytes, also when the card itself is what
 * exists. Fails with USAGE where the id is none.
 */
export function modelCard({ manifest, id, sourceCard, existing = '' }: CardFacts): string {
  if (!isHubId(id)) {
    throw new ToolkitError('USAGE', 'a Hub repository has the form owner/name', { where: { id } });
  }
  const wanted = frontMatterOf(manifest, sourceCard);
  const { merged, body } = mergedCard(existing, wanted);
  const own = around(body);
  const part = partOf(merged.ours, textOf(manifest, id, own.isEmpty));
  return `---\n${merged.yaml}---\n${own.put(part)}`;
}

/** YAML that cannot be read is kept as what it is: text. */
function mergedCard(
  existing: string,
  wanted: FrontMatter,
): { readonly merged: Merged; readonly body: string } {
  const { yaml, body } = splitCard(existing);
  const merged =
    yaml === undefined ? undefined : mergeFrontMatter(yaml, wanted, around(body).written);
  if (merged !== undefined) return { merged, body };
  return { merged: newFrontMatter(wanted), body: `\n${existing.replace(/^\uFEFF/, '')}` };
}

function frontMatterOf({ task, source }: Manifest, sourceCard: string | undefined): FrontMatter {
  const base = source !== undefined && isHubId(source.id) ? source : undefined;
  return {
    library_name: 'transformers.js',
    pipeline_tag: task,
    ...(base && {
      base_model: base.id,
      ...(isCommit(base.revision) && { base_model_revision: base.revision }),
      // the Hub's word for the same model in another form; without it, it says finetune
      base_model_relation: 'quantized',
    }),
    ...(sourceCard !== undefined && inherited(sourceCard, base)),
    tags: ['onnx', 'transformers.js'],
  };
}

function textOf(manifest: Manifest, id: string, titled: boolean): string {
  const name = id.slice(id.indexOf('/') + 1);
  const from = sourceLink(manifest) ?? 'a ModernBERT Decoder checkpoint';
  return [
    ...(titled ? [`# ${plain(name)}\n`] : []),
    `ONNX models for ${manifest.task}, converted from ${from} with ${plain(manifest.tool.name)} ${plain(manifest.tool.version)}.\n`,
    usageSection(manifest, id),
    filesSection(manifest),
    paritySection(manifest),
    runtimesSection(manifest),
    conversionSection(manifest),
  ]
    .filter((section) => section !== '')
    .join('\n');
}
