// `generate`: continues prompts. The text of a single sequence is printed as it comes.

import { setImmediate } from 'node:timers/promises';
import type { Decoder } from '../base/decoding.ts';
import { generate, type Continuation, type Generated } from '../runtime/text/generate.ts';
import { settingsOf, type GenerationOptions } from '../runtime/text/generation-settings.ts';
import { generationConfigName, readRecommended } from '../runtime/text/recommended.ts';
import { createTextWriter, type TextWriter } from '../runtime/text/text-writer.ts';
import type { Outcome, StreamingContext } from './command.ts';
import { generatedDocument, generatedText, summary, type Written } from './generated-text.ts';
import { legible } from './legible.ts';
import type { Messages } from './messages.ts';
import { openTextModel, type TextModel } from './open-model.ts';
import { openDecoder } from './open-runtime.ts';
import { readStandardInput } from './standard-input.ts';
import type { GenerateFlags } from './text-grammar.ts';

/** Tokens added where nothing says how many, as transformers' pipeline does. */
const usualNewTokens = 256;

export async function generateCommand(
  path: string,
  given: readonly string[],
  flags: GenerateFlags,
  context: StreamingContext,
): Promise<Outcome> {
  const model = await openTextModel(path, 'text-generation', flags.dtype);
  const recommended = await recommendedTo(model, context.messages);
  // what echo and editors put at the end of a file is not meant
  const prompts =
    given.length > 0 ? given : [(await readStandardInput('a prompt')).replace(/\r?\n$/, '')];
  const ids = prompts.map((prompt) => model.tokenizer.encode(prompt));
  const options = optionsOf(flags, recommended, ids, model.file.config.maxPositions);
  const decoder = await openDecoder(flags.runtime, model.file, context.messages);
  try {
    const started = performance.now();
    const texts = await write(decoder, model, prompts, ids, options, flags, context);
    const seconds = (performance.now() - started) / 1000;
    const run = { runtime: decoder.name, dtype: model.dtype, options, seconds };
    if (flags.json !== true) context.messages.note(summary(texts, run));
    return {
      passed: true,
      text: isSingle(prompts, options) ? '' : generatedText(prompts, texts),
      document: generatedDocument(prompts, texts, run),
    };
  } finally {
    await decoder.close();
  }
}

async function recommendedTo({ root }: TextModel, messages: Messages): Promise<GenerationOptions> {
  const { options, ignored } = await readRecommended(root);
  if (ignored.length > 0) {
    messages.warn(`${generationConfigName} sets what is not done here: ${ignored.join(', ')}`);
  }
  return options;
}

function optionsOf(
  flags: GenerateFlags,
  recommended: GenerationOptions,
  prompts: readonly (readonly number[])[],
  maxPositions: number,
): GenerationOptions {
  const { maxNewTokens, maxLength, temperature, topK, topP, minP, seed } = flags;
  const { repetitionPenalty, numReturnSequences } = flags;
  const drawing = [temperature, topK, topP, minP, seed, numReturnSequences];
  const doSample =
    flags.doSample ?? (drawing.some((value) => value !== undefined) ? true : undefined);
  const sampling = { temperature, topK, topP, minP, seed, doSample };
  const asked = { ...sampling, maxNewTokens, maxLength, repetitionPenalty, numReturnSequences };
  const options = Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined),
  );
  const settings = settingsOf(options, recommended);
  if (settings.maxNewTokens !== undefined || settings.maxLength !== undefined) return settings;
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  return {
    ...settings,
    maxNewTokens: Math.max(1, Math.min(usualNewTokens, maxPositions - longest)),
  };
}

function isSingle(prompts: readonly string[], { numReturnSequences }: GenerationOptions): boolean {
  return prompts.length === 1 && numReturnSequences === 1;
}

async function write(
  decoder: Decoder,
  { tokenizer }: TextModel,
  prompts: readonly string[],
  ids: readonly (readonly number[])[],
  options: GenerationOptions,
  { json, stop = [] }: GenerateFlags,
  { print, progress, readerGone }: StreamingContext,
): Promise<readonly Written[]> {
  const count = options.numReturnSequences ?? 1;
  const writers = ids.map((prompt) =>
    Array.from({ length: count }, () => createTextWriter(tokenizer, prompt, stop)),
  );
  const writerOf = ({ prompt, sequence }: Continuation): TextWriter | undefined =>
    writers[prompt]?.[sequence];
  const show = json !== true && isSingle(prompts, options) ? print : () => undefined;
  let tokens = 0;
  const generated = await generate(decoder, ids, {
    ...options,
    signal: readerGone,
    stop: (continuation) => writerOf(continuation)?.stopped() ?? false,
    onToken: async (id, continuation) => {
      if (tokens === 0) show(legible(prompts[0] ?? ''));
      show(legible(writerOf(continuation)?.push(id) ?? ''));
      tokens++;
      if (show !== print) progress.status(`generating, ${tokens} tokens so far`);
      // signals and a reader that goes away are noticed between tokens
      await setImmediate();
    },
  });
  const texts = generated.map((each) => written(each, writerOf(each), show));
  if (texts.length === 1) show('\n');
  return texts;
}

function written(
  generated: Generated,
  writer: TextWriter | undefined,
  show: (text: string) => void,
): Written {
  show(legible(writer?.end() ?? ''));
  return { ...generated, text: writer?.text() ?? '' };
}
