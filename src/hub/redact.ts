// Keeps secrets out of what is said and written. Whoever holds a text from outside, or prints one,
// passes it through: a server may send back the very header it was sent.

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

const hidden = '[secret]';

// a backslash ends a secret too: the text may be JSON
const patterns: readonly (readonly [RegExp, string])[] = [
  [/hf_[A-Za-z0-9]{20,}/g, hidden],
  [/\bBearer\s+[^\s"'<>,;\\]+/gi, `Bearer ${hidden}`],
  [/\b(X-Amz-[\w-]+|Signature|Key-Pair-Id|Policy|X-Xet-[\w-]+)=[^\s&"'<>\\]+/gi, `$1=${hidden}`],
];

/** Short texts are no tokens, and would be found everywhere. */
const shortestToken = 6;

/** A redactor that knows the tokens of this run, and what secrets look like. */
export function createRedactor(tokens: readonly (string | undefined)[]): Redact {
  const literal = tokens.flatMap((token) =>
    token === undefined || token.length < shortestToken ? [] : [token, encodeURIComponent(token)],
  );
  return (text) => {
    const plain = literal.reduce((rest, token) => rest.replaceAll(token, hidden), text);
    return patterns.reduce((rest, [pattern, by]) => rest.replace(pattern, by), plain);
  };
}
