// Text from tokens as they come. A character may be spread over several tokens, and what a token
// looks like may depend on the one before it: text is given when the tokens so far settle it.

import type { Tokenizer } from './tokenizer.ts';

export interface TextStream {
  /** The text that the token settles; empty while a character is incomplete. */
  push(id: number): string;
  /** What is left, complete or not. */
  end(): string;
}

/** A character of four bytes that lacks the last is read as up to three replacement characters. */
const unsettled = /\ufffd{1,3}$/;

/** What a token looks like depends on no token farther back. */
const contextTokens = 8;

/** A stream of what follows some other tokens, whose text is not given. */
export function createTextStream(tokenizer: Tokenizer, before: readonly number[] = []): TextStream {
  // Decoding all tokens again at each step would cost the square of their number: those whose text
  // is out stand in for all before them.
  let context: readonly number[] = before.slice(-contextTokens);
  let pending: readonly number[] = [];
  let given = 0;
  const rest = (): string => {
    const whole = tokenizer.decode([...context, ...pending]);
    return whole.slice(tokenizer.decode(context).length + given);
  };
  return {
    push: (id) => {
      pending = [...pending, id];
      const text = rest();
      const settled = text.replace(unsettled, '');
      given += settled.length;
      if (settled.length < text.length) return settled;
      if (tokenizer.decode(pending) !== '') context = pending;
      [pending, given] = [[], 0];
      return settled;
    },
    end: () => {
      const text = rest();
      [pending, given] = [[], 0];
      return text;
    },
  };
}
