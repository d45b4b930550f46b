// When a failed request is made again, and after how long.

/** Answers that may be others a moment later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether an answer of this status may be another one a moment later. */
export function mayPass(status: number): boolean {
  return passing.has(status);
}

/** The longest wait before each further try, in milliseconds. */
export const pauses: readonly number[] = [1000, 2000, 4000, 8000, 8000];

/** All waits for one request together. */
export const maxWaitMs = 300_000;

/** Time and chance, which tests replace. */
export interface Clock {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal | null) => Promise<void>;
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

/** Milliseconds until try number `tries` + 1; the server's wish, where it has one, is the least. */
export function pauseBefore(tries: number, headers: Headers | undefined, clock: Clock): number {
  const jittered = clock.random() * (pauses[tries - 1] ?? 0);
  const wish = headers && wishOf(headers, clock.now());
  return wish === undefined ? jittered : wish + jittered / 8;
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
