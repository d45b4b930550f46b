// The files beside the weights that a user of the model needs as they are: tokenizer, chat
// template, generation settings.

import type { SourceFolder } from '../base/files.ts';
import { maxAssetBytes } from '../base/limits.ts';
import { parseObject, readJsonBytes, readWhole } from './json-asset.ts';
import { checkTokenizer } from './tokenizer.ts';

export interface Asset {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const tokenizer = 'tokenizer.json';

/** Their names. */
export const assetNames: readonly string[] = [
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

/** Reads the assets that are there; one that cannot be what its name says is an error. */
export async function readAssets(
  folder: SourceFolder,
  vocabSize: number,
): Promise<{ readonly assets: readonly Asset[]; readonly warnings: readonly string[] }> {
  const assets: Asset[] = [];
  for (const name of assetNames) {
    const source = await folder.open(name);
    if (!source) continue;
    const read = name.endsWith('.json') ? readJsonBytes : readWhole;
    const bytes = await read(source, maxAssetBytes).finally(() => source.close());
    if (name === tokenizer) checkTokenizer(bytes, vocabSize);
    else if (name.endsWith('.json')) parseObject(name, bytes, 'JSON_SYNTAX');
    assets.push({ name, bytes });
  }
  const missing = !assets.some(({ name }) => name === tokenizer);
  return {
    assets,
    warnings: missing ? ['the checkpoint has no tokenizer.json: pipelines will not load text'] : [],
  };
}
