// Warnings, notes and errors on stderr, each on one line and each said once.

import { styleText } from 'node:util';
import { printable } from '../base/errors.ts';
import { failureLine, type Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface Messages {
  readonly warn: (sentence: string) => void;
  readonly note: (sentence: string) => void;
  readonly fail: (failure: Failure) => void;
  /** Every warning so far, for a document. */
  readonly warnings: readonly string[];
}

/** `clear` takes a progress bar off the line before something is said. */
export function createMessages(terminal: Terminal, clear: () => void): Messages {
  const warnings: string[] = [];
  const said = new Set<string>();
  const label = (text: string, color: 'red' | 'yellow' | 'cyan'): string =>
    terminal.colored ? styleText(color, text) : text;
  const say = (line: string): void => {
    clear();
    terminal.err(`${line}\n`);
  };
  return {
    warnings,
    warn: (sentence) => {
      if (said.has(sentence)) return;
      said.add(sentence);
      warnings.push(sentence);
      say(`${label('warning', 'yellow')}: ${oneLine(sentence)}`);
    },
    note: (sentence) => say(`${label('note', 'cyan')}: ${oneLine(sentence)}`),
    fail: (failure) => {
      const line = failureLine(failure);
      say(`${label('error', 'red')}${line.slice('error'.length)}`);
    },
  };
}

// A sentence may hold names from a file; its length is the sentence's own.
function oneLine(sentence: string): string {
  return sentence.replace(/[^]{1,150}/g, printable);
}
