// Interruptions: what was begun is cleared away within two seconds, and a second Ctrl-C does not
// wait for that.

import { constants } from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Cleaning up may take this long. */
const cleanupMs = 2000;

type Cleanup = () => Promise<void>;

export interface Interrupts {
  /** Has `cleanup` run when a signal comes, until the returned function is called. */
  readonly guard: (cleanup: Cleanup) => () => void;
  /** Whether a signal came: then the process ends from here, whatever else is going on. */
  readonly interrupted: () => boolean;
}

/** Listens for signals. `announce` says that one came, before anything is cleared away. */
export function listen(announce: (signal: string, exitCode: number) => void): Interrupts {
  const cleanups = new Set<Cleanup>();
  let came = false;
  for (const signal of signals) {
    const exitCode = 128 + constants.signals[signal];
    process.on(signal, () => {
      if (came) process.exit(exitCode);
      came = true;
      announce(signal, exitCode);
      setTimeout(() => process.exit(exitCode), cleanupMs);
      void Promise.allSettled([...cleanups].map((cleanup) => cleanup())).then(() =>
        process.exit(exitCode),
      );
    });
  }
  return {
    guard: (cleanup) => {
      cleanups.add(cleanup);
      return () => void cleanups.delete(cleanup);
    },
    interrupted: () => came,
  };
}
