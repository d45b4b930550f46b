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

/** What a command works with that prints its results as they come. */
export interface StreamingContext extends Context {
  /** Prints to stdout. */
  readonly print: (text: string) => void;
  /** Aborted when nobody reads stdout anymore: then there is nothing left to do. */
  readonly readerGone: AbortSignal;
}

/** What a command found. */
export interface Outcome {
  /** Whether the answer is yes: exit status 0, or 1. */
  readonly passed: boolean;
  /** Another exit status than that. */
  readonly exitCode?: number;
  /** Output folder that was written. */
  readonly written?: string;
  /** For people, on stdout, after what was printed as it came. */
  readonly text: string;
  /** For scripts, with --json: fields of the one document. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Options that every command has. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
}
