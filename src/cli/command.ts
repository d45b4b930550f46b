// What a command is given, and what it gives back: printing and exiting are done in one place.

import type { Interrupts } from './signals.ts';
import type { Messages } from './messages.ts';
import type { Progress } from './progress.ts';

/** What a command works with besides its arguments. */
export interface Context {
  readonly messages: Messages;
  readonly progress: Progress;
  readonly interrupts: Interrupts;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a command found. */
export interface Outcome {
  /** Whether the answer is yes: exit status 0, or 1. */
  readonly passed: boolean;
  /** For people, on stdout. */
  readonly text: string;
  /** For scripts, with --json: fields of the one document. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Options that every command has. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
}
