// The part of a README that is ours, between two comments, and the text around it that is not. The
// first comment holds the YAML keys that were written, so that the next push can tell them from keys
// that somebody changed.

import type { FrontMatter } from './front-matter.ts';

const end = '<!-- /modernbert-onnx -->';
const begin = '<!-- modernbert-onnx: replaced by the next push';

/** The part with its comments. */
export function partOf(ours: FrontMatter, text: string): string {
  // no value may end the comment
  const keys = JSON.stringify(ours).replaceAll('>', String.raw`\u003e`);
  return `${begin} ${keys} -->\n${text}\n${end}`;
}

export interface Around {
  /** Whether nobody wrote anything besides. */
  readonly isEmpty: boolean;
  /** Keys that the push before wrote. */
  readonly written: FrontMatter;
  /** The text with this part in place of the one before, or at its end. */
  readonly put: (part: string) => string;
}

/** The text of a README around our part. */
export function around(body: string): Around {
  // the first end behind a beginning, and the last beginning before it: what somebody left of a
  // comment takes no text of theirs along
  const first = body.indexOf(begin);
  const close = first < 0 ? -1 : body.indexOf(end, first);
  if (close < 0) {
    const isEmpty = body.trim() === '';
    const own = isEmpty
      ? '\n'
      : `${body}${/\n\r?\n$/.test(body) ? '' : '\n'.repeat(body.endsWith('\n') ? 1 : 2)}`;
    return { isEmpty, written: {}, put: (part) => `${own}${part}\n` };
  }
  const open = body.lastIndexOf(begin, close);
  const [head, tail] = [body.slice(0, open), body.slice(close + end.length)];
  return {
    isEmpty: `${head}${tail}`.trim() === '',
    written: keysOf(body.slice(open + begin.length, close)),
    put: (part) => `${head}${part}${tail}`,
  };
}

/** The keys in the first comment, of which anybody may have made something else. */
function keysOf(part: string): FrontMatter {
  try {
    const keys: unknown = JSON.parse(part.slice(0, Math.max(part.indexOf(' -->'), 0)));
    return typeof keys === 'object' && keys !== null && !Array.isArray(keys)
      ? (keys as FrontMatter)
      : {};
  } catch {
    return {};
  }
}
