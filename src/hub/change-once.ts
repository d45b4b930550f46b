// A request that changes something, and that must not do so twice. A connection that breaks says
// nothing about what the server did: before another try somebody looks.

import { ToolkitError } from '../base/errors.ts';
import { mayPass, newPatience } from '../base/retry.ts';
import { type Hub, unreachable } from './request.ts';

/**
 * Sends a request until it is known what became of it: its answer, whatever the status, or the one
 * that `lookUp` gives where the request had its effect and the answer was lost.
 */
export async function changeOnce(
  hub: Hub,
  url: string,
  init: RequestInit,
  lookUp: () => Promise<Response | undefined>,
): Promise<Response> {
  const patience = newPatience(hub.clock);
  for (;;) {
    const result = await hub.fetchOnce(url, init).catch((error: unknown) => {
      if (error instanceof ToolkitError || init.signal?.aborted === true) throw error;
      return error instanceof Error ? error : new Error(String(error));
    });
    const response = result instanceof Response ? result : undefined;
    if (response !== undefined && !mayPass(response.status)) return response;
    await response?.body?.cancel().catch(() => undefined);
    const found = await lookUp();
    if (found !== undefined) return found;
    if (await patience.wait(response?.headers, init.signal ?? undefined)) continue;
    throw unreachable(new URL(url), result, patience, hub.redact);
  }
}
