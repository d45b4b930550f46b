// Whether YAML is of a kind that people write, told from its tokens before it is parsed: the parser
// calls itself for every level and searches the whole text for every alias, so a hostile file would
// end the process, or keep it for hours.

import { CST, Lexer } from 'yaml';

type Kind = ReturnType<typeof CST.tokenType>;

const opening: ReadonlySet<Kind> = new Set(['flow-map-start', 'flow-seq-start']);
const closing: ReadonlySet<Kind> = new Set(['flow-map-end', 'flow-seq-end']);
/** Each may begin a collection in a block. */
const indicators: ReadonlySet<Kind> = new Set([
  'seq-item-ind',
  'explicit-key-ind',
  'map-value-ind',
]);
/** After these a line has not got beyond its indentation. */
const before: ReadonlySet<Kind> = new Set([...indicators, 'doc-mode', 'newline', 'space']);

/** Whether no place can have many more than `depth` collections around it, and aliases are few. */
export function isModest(yaml: string, depth: number, aliases: number): boolean {
  let flow = 0; // brackets that are open
  // indentation and indicators of a line: each level of a block takes a column; between brackets
  // indicators up to a comma
  let line = 0;
  let isIndented = true;
  let names = 0;
  for (const token of new Lexer().lex(yaml)) {
    const kind = CST.tokenType(token);
    if (kind === (flow === 0 ? 'newline' : 'comma')) line = 0;
    if (kind === 'newline') isIndented = true;
    if (opening.has(kind)) [flow, line] = [flow + 1, 0];
    if (closing.has(kind)) [flow, line] = [Math.max(0, flow - 1), 0];
    if (flow === 0 && isIndented && kind === 'space') line += token.length;
    if (indicators.has(kind)) line++;
    if (!before.has(kind)) isIndented = false;
    if (kind === 'alias') names++;
    if (flow + line > depth || names > aliases) return false;
  }
  return true;
}
