import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withStallLimit } from './stall.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The body of an answer that gives so many bytes every so many milliseconds. */
function answer(bytes: number, everyMs: number): Response {
  return new Response(
    new ReadableStream({
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, everyMs));
        controller.enqueue(new Uint8Array(bytes));
      },
    }),
  );
}

/** Milliseconds until the body fails that is read as it comes, and what was read by then. */
async function readFor(ms: number, response: Response, pauseMs = 0): Promise<unknown> {
  const ending = new AbortController();
  const reader = withStallLimit(response, 100, ending).body?.getReader();
  const started = Date.now();
  let [size, failed] = [0, undefined as number | undefined];
  const read = async (): Promise<void> => {
    for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
      size += next.value.length;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  read().catch(() => (failed = Date.now() - started));
  await vi.advanceTimersByTimeAsync(ms);
  return { size, failed, aborted: ending.signal.aborted };
}

describe('an answer', () => {
  it('of which nothing comes fails', async () => {
    expect(await readFor(1000, answer(1, 5000))).toEqual({ size: 0, failed: 100, aborted: true });
  });

  it('that trickles fails as one of which nothing comes', async () => {
    expect(await readFor(1000, answer(10, 30))).toEqual({ size: 30, failed: 100, aborted: true });
  });

  it('of which enough comes goes on', async () => {
    const found = await readFor(1000, answer(600, 40));
    expect(found).toEqual({ size: 15_000, failed: undefined, aborted: false });
  });

  it('that waits for its reader goes on', async () => {
    const found = await readFor(5000, answer(10, 1), 500);
    expect(found).toMatchObject({ failed: undefined, aborted: false });
  });
});
