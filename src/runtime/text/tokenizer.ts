// Text to ids and back, as transformers does it with the same files. The tokenizer's file may ask
// for truncation and padding; like transformers this does neither.

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { ToolkitError } from '../../base/errors.ts';
import type { SourceFolder } from '../../base/files.ts';
import { maxAssetBytes } from '../../base/limits.ts';
import { type Members, parseObject, readJsonBytes } from '../../checkpoint/json-asset.ts';

export interface Tokenizer {
  /** With the special tokens that the model expects around a text, unless `special` is false. */
  encode(text: string, options?: { readonly special?: boolean }): readonly number[];
  /** Without special tokens. */
  decode(ids: readonly number[]): string;
}

const file = 'tokenizer.json';

/** Reads tokenizer.json, and tokenizer_config.json where it is. */
export async function openTokenizer(folder: SourceFolder): Promise<Tokenizer> {
  const model = await readMembers(folder, file);
  if (model === undefined) {
    throw new ToolkitError('INPUT_MISSING', `the folder has no ${file}`, {
      where: { folder: folder.name },
      fix: "copy the model's tokenizer files there",
    });
  }
  const config = (await readMembers(folder, 'tokenizer_config.json')) ?? {};
  return tokenizerOf(model, config);
}

/** A tokenizer of the two files' members. */
export function tokenizerOf(model: Members, config: Members): Tokenizer {
  const hub = guard('the tokenizer is of a kind that is not known here', () => {
    return new HubTokenizer(model, config);
  });
  return {
    encode: (text, { special = true } = {}) =>
      guard('the tokenizer fails on a text', () => {
        return hub.encode(text, { add_special_tokens: special }).ids;
      }),
    decode: (ids) => {
      // an embedding may have more rows than the tokenizer has tokens
      const known = ids.filter((id) => hub.id_to_token(id) !== undefined);
      if (known.length === 0) return '';
      // transformers removes no spaces from what byte-pair tokenizers give, whatever the config says
      return hub.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    },
  };
}

async function readMembers(folder: SourceFolder, name: string): Promise<Members | undefined> {
  const source = await folder.open(name);
  if (source === undefined) return undefined;
  const bytes = await readJsonBytes(source, maxAssetBytes).finally(() => source.close());
  return parseObject(name, bytes, 'TOKENIZER_INVALID');
}

function guard<T>(rule: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new ToolkitError('TOKENIZER_INVALID', rule, {
      where: { file, cause: cause instanceof Error ? cause.message : String(cause) },
      cause,
    });
  }
}
