// tokenizer.json is copied as it is, but a model fails on ids that its embedding has no row for.

import { ToolkitError } from '../base/errors.ts';
import { isMembers, parseObject } from './json-asset.ts';

const file = 'tokenizer.json';

/** Checks that a tokenizer has a model, and gives ids below `vocabSize` only. */
export function checkTokenizer(bytes: Uint8Array, vocabSize: number): void {
  const { model, added_tokens: added } = parseObject(file, bytes, 'TOKENIZER_INVALID');
  if (!isMembers(model)) {
    throw new ToolkitError('TOKENIZER_INVALID', 'the tokenizer has no model', {
      where: { file },
      fix: 'save it again with save_pretrained',
    });
  }
  const ids = [...idsOf(model['vocab']), ...(Array.isArray(added) ? added.map(idOf) : [])];
  const largest = ids.reduce<number>((most, id) => (Number(id) > most ? Number(id) : most), -1);
  if (largest < vocabSize) return;
  throw new ToolkitError('TOKENIZER_INVALID', 'the tokenizer gives ids that the embedding lacks', {
    where: { file, largest_id: largest, vocab_size: vocabSize },
    fix: 'resize the embedding to the tokenizer, or remove the added tokens',
  });
}

/** Ids are given, or, in a unigram model, the places in a list. */
function idsOf(vocab: unknown): readonly unknown[] {
  if (Array.isArray(vocab)) return [vocab.length - 1];
  return isMembers(vocab) ? Object.values(vocab) : [];
}

function idOf(token: unknown): unknown {
  return isMembers(token) ? token['id'] : undefined;
}
