// Ends that come from outside, and errors that nobody catches: what was begun is cleared away within
// two seconds, and a second Ctrl-C does not wait for that.

import { constants } from 'node:os';
import type { ErrorDetails } from '../base/errors.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Cleaning up may take this long. */
const cleanupMs = 2000;

type Cleanup = () => Promise<void>;

/** What is broken off, and how it is gone on with. */
export type BrokenOff = Pick<ErrorDetails, 'where' | 'fix'>;

export interface Interrupts {
  /**
   * Has `cleanup` run when a signal comes, until the returned function is called. What is said of
   * the signal is the last of what was handed over with them.
   */
  readonly guard: (cleanup: Cleanup, said?: BrokenOff) => () => void;
  /** Whether the end has come: then the process ends from here, whatever else is going on. */
  readonly interrupted: () => boolean;
}

/** What is said before anything is cleared away. */
export interface Announcements {
  readonly signal: (signal: string, exitCode: number, said: BrokenOff) => void;
  /** Returns the exit status. */
  readonly crash: (error: unknown) => number;
}

/** Listens for signals, and for errors that nobody catches. */
export function listen(announce: Announcements): Interrupts {
  const cleanups = new Map<Cleanup, BrokenOff>();
  let came = false;
  const end = (exitCode: number): void => {
    setTimeout(() => process.exit(exitCode), cleanupMs);
    void Promise.allSettled([...cleanups.keys()].map((cleanup) => cleanup())).then(() =>
      process.exit(exitCode),
    );
  };
  for (const signal of signals) {
    const exitCode = 128 + constants.signals[signal];
    process.on(signal, () => {
      if (came) process.exit(exitCode);
      came = true;
      announce.signal(signal, exitCode, Object.assign({}, ...cleanups.values()) as BrokenOff);
      end(exitCode);
    });
  }
  // Node itself would exit with 1, which says that a model drifted
  process.on('uncaughtException', (error) => {
    if (came) return;
    came = true;
    end(announce.crash(error));
  });
  return {
    guard: (cleanup, said = {}) => {
      cleanups.set(cleanup, said);
      return () => void cleanups.delete(cleanup);
    },
    interrupted: () => came,
  };
}
