// The text of one sequence while it is generated: from tokens to what may be shown.

import { createStopFilter } from './stop-text.ts';
import { createTextStream } from './text-stream.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface TextWriter {
  /** Takes a token, and gives the text that may be shown for it. */
  push(id: number): string;
  /** Whether the text has come to a stop text. */
  stopped(): boolean;
  /** The text that is left when no token follows. */
  end(): string;
  /** All text so far. */
  text(): string;
}

/** A writer of what follows `prompt`, up to the first of the stop texts. */
export function createTextWriter(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  stops: readonly string[] = [],
): TextWriter {
  const stream = createTextStream(tokenizer, prompt);
  const filter = createStopFilter(stops);
  let whole = '';
  const show = (text: string): string => {
    whole += text;
    return text;
  };
  return {
    push: (id) => show(filter.push(stream.push(id))),
    stopped: filter.stopped,
    end: () => show(filter.push(stream.end()) + filter.end()),
    text: () => whole,
  };
}
