// Untrusted text in Markdown, where it may mean nothing, and tables.

import { printable } from '../base/errors.ts';

/** A text as a part of a line. */
export function plain(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|~&$:]/g, String.raw`\$&`);
}

/** A name in code, also in a table. */
export function code(name: string): string {
  // none of these can be escaped in code, and no file or weight has them in its name
  return `\`${printable(name).replace(/[`|<>]/g, '\u{fffd}')}\``;
}

/** A table of cells that are Markdown. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return line(heads) + line(heads.map(() => '---')) + rows.map(line).join('');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}
