// When a failed request is made again, and after how long.

/** Answers that may be others a moment later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether an answer of this status may be another one a moment later. */
export function mayPass(status: number): boolean {
  return passing.has(status);
}

/** The longest wait before each further try, in milliseconds. */
const pauses: readonly number[] = [1000, 2000, 4000, 8000, 8000];

/** All waits for one request together. */
const maxWaitMs = 300_000;

/** Time and chance, which tests replace. */
export interface Clock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The machine's own. */
export const machineClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      if (signal?.aborted === true) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** The tries of one request. */
export interface Patience {
  /** How many were made, and how long was waited between them. */
  readonly tries: number;
  readonly waitedMs: number;
  /** Waits for the next try, as long as the failed one's answer asks for; false to give up. */
  readonly wait: (headers?: Headers, signal?: AbortSignal) => Promise<boolean>;
}

/** Patience for a request whose first try is about to be made. */
export function newPatience(clock: Clock): Patience {
  let [tries, waitedMs] = [1, 0];
  return {
    get tries() {
      return tries;
    },
    get waitedMs() {
      return waitedMs;
    },
    wait: async (headers, signal) => {
      const longest = pauses[tries - 1];
      if (longest === undefined) return false;
      const jittered = clock.random() * longest;
      const wish = headers && wishOf(headers, clock.now());
      // the server's wish is the least
      const pause = wish === undefined ? jittered : wish + jittered / 8;
      if (waitedMs + pause > maxWaitMs) return false;
      await clock.sleep(pause, signal);
      tries += 1;
      waitedMs += pause;
      return true;
    },
  };
}

function wishOf(headers: Headers, now: number): number | undefined {
  const after = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  if (!Number.isNaN(date)) return Math.max(0, date - now);
  // RateLimit: "api";r=0;t=55
  const reset = /(?:^|[;,\s])t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? undefined : Number(reset) * 1000;
}
