// The files beside the weights that a user of the model needs as they are: tokenizer, chat
// template, generation settings.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource, SourceFolder } from '../base/files.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { maxAssetBytes } from '../base/limits.ts';

export interface Asset {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const tokenizer = 'tokenizer.json';

const names: readonly string[] = [
  'generation_config.json',
  tokenizer,
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
];

/**
 * Reads the assets that are there. A tokenizer that is not JSON, or that gives ids the embedding
 * has no row for, is an error: the model would fail on its tokens.
 */
export async function readAssets(
  folder: SourceFolder,
  vocabSize: number,
): Promise<{ readonly assets: readonly Asset[]; readonly warnings: readonly string[] }> {
  const assets: Asset[] = [];
  for (const name of names) {
    const source = await folder.open(name);
    if (!source) continue;
    const bytes = await readWhole(source, maxAssetBytes).finally(() => source.close());
    if (name === tokenizer) checkTokenizer(bytes, vocabSize);
    assets.push({ name, bytes });
  }
  const missing = !assets.some(({ name }) => name === tokenizer);
  return {
    assets,
    warnings: missing ? ['the checkpoint has no tokenizer.json: pipelines will not load text'] : [],
  };
}

/** All bytes of a file that should be small. */
export async function readWhole(source: ByteSource, limit: number): Promise<Uint8Array> {
  if (source.size > limit) {
    throw new ToolkitError('FILE_TOO_LARGE', `the file is larger than the ${limit} bytes allowed`, {
      where: { file: source.name, size: source.size },
      fix: 'check that it is what its name says',
    });
  }
  return source.read(0, source.size);
}

function checkTokenizer(bytes: Uint8Array, vocabSize: number): void {
  const where = { file: tokenizer };
  const root = parse(bytes);
  const { model, added_tokens: added } = root;
  const vocab: unknown = isRecord(model) ? model['vocab'] : undefined;
  const ids = [
    ...(isRecord(vocab) ? Object.values(vocab) : []),
    ...(Array.isArray(added)
      ? added.map((token) => (isRecord(token) ? token['id'] : undefined))
      : []),
  ];
  const largest = ids.reduce<number>((most, id) => (Number(id) > most ? Number(id) : most), -1);
  if (largest < vocabSize) return;
  throw new ToolkitError('TOKENIZER_INVALID', 'the tokenizer gives ids that the embedding lacks', {
    where: { ...where, largest_id: largest, vocab_size: vocabSize },
    fix: 'resize the embedding to the tokenizer, or remove the added tokens',
  });
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeUtf8(bytes);
  try {
    const root: unknown = JSON.parse(text ?? '');
    if (isRecord(root)) return root;
  } catch {
    // said below
  }
  throw new ToolkitError('TOKENIZER_INVALID', 'the tokenizer is not a JSON object', {
    where: { file: tokenizer },
    fix: 'download it again, or save it again with save_pretrained',
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
