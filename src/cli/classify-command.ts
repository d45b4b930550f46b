// `classify`: labels texts. What is piped in may be long: it is labeled and printed in portions.

import { printable } from '../base/errors.ts';
import { classify, type LabelScore, scoringOf, type Scoring } from '../runtime/text/classify.ts';
import type { Outcome, StreamingContext } from './command.ts';
import { openTextModel } from './open-model.ts';
import { openEncoder } from './open-runtime.ts';
import { readStandardInput } from './standard-input.ts';
import type { ClassifyFlags } from './text-grammar.ts';

interface Labeled {
  readonly text: string;
  readonly labels: readonly LabelScore[];
}

const portion = 64;

export async function classifyCommand(
  path: string,
  given: readonly string[],
  flags: ClassifyFlags,
  { messages, progress, print, readerGone }: StreamingContext,
): Promise<Outcome> {
  const model = await openTextModel(path, 'text-classification', flags.dtype);
  const texts = given.length > 0 ? given : linesOf(await readStandardInput('a text'));
  const problem = model.raw.get('problem_type');
  const labeling = {
    labels: model.file.config.labels,
    problemType: typeof problem === 'string' ? problem : undefined,
  };
  const scoring = scoringOf(labeling);
  const encoder = await openEncoder(flags.runtime, model.file, messages);
  try {
    const results: Labeled[] = [];
    for (let from = 0; from < texts.length && !readerGone.aborted; from += portion) {
      const some = texts.slice(from, from + portion);
      const rows = some.map((text) => model.tokenizer.encode(text));
      const scores = await classify(encoder, rows, labeling, from);
      const labeled = some.map((text, at) => ({
        text,
        labels: scores[at]?.slice(0, flags.top) ?? [],
      }));
      if (flags.json === true) results.push(...labeled);
      else print(labeled.map((each) => labeledText(each, texts.length > 1, scoring)).join(''));
      progress.status(`labeled ${from + some.length} of ${texts.length} texts`);
    }
    progress.clear();
    const { dtype } = model;
    if (flags.json !== true) messages.note(`${encoder.name}, ${dtype}`);
    return { passed: true, text: '', document: { runtime: encoder.name, dtype, scoring, results } };
  } finally {
    await encoder.close();
  }
}

/** The lines that hold something. */
function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

function labeledText({ text, labels }: Labeled, isOneOfMany: boolean, scoring: Scoring): string {
  const width = Math.max(...labels.map(({ label }) => printable(label).length));
  const lines = labels.map(({ label, score }) => {
    const value = scoring === 'none' ? score.toFixed(4) : `${(100 * score).toFixed(1)} %`;
    return `${printable(label).padEnd(width)}  ${value.padStart(7)}\n`;
  });
  if (!isOneOfMany) return lines.join('');
  return [`${printable(text)}\n`, ...lines.map((line) => `  ${line}`)].join('');
}
