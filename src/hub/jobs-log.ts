// The end of a job's log, which says why the job failed.

import { streamJobLogs } from '@huggingface/hub';
import { printable } from '../base/errors.ts';
import { access } from './jobs.ts';
import type { Hub } from './request.ts';

const lastLines = 20;
const maxLogBytes = 20_000_000;

/**
 * The last lines of a job's log, fit for a terminal. The stream of a job that has ended may stay
 * open: it is left after `quietMs` without a line.
 */
export async function logEnd(
  hub: Hub,
  namespace: string,
  id: string,
  quietMs = 5000,
): Promise<readonly string[]> {
  const leaving = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => leaving.abort(), quietMs);
  };
  const ask: typeof fetch = async (input, init) => {
    const url = `${String(input)}?tail=${lastLines}`;
    const response = await hub.fetch(url, { ...init, signal: leaving.signal });
    listen();
    return response;
  };
  const lines: string[] = [];
  let size = 0;
  try {
    const log = streamJobLogs({ ...access(hub), fetch: ask, namespace, jobId: id });
    for await (const { message } of log) {
      listen();
      size += String(message).length;
      if (size > maxLogBytes) break;
      lines.push(
        ...String(message)
          .split('\n')
          .slice(-lastLines)
          .map((line) => printable(hub.redact(line.trimEnd()))),
      );
      lines.splice(0, lines.length - lastLines);
    }
  } catch {
    // the job's end is known; what its log gave until here is enough
  } finally {
    clearTimeout(timer);
    leaving.abort();
  }
  return lines.filter((line) => line !== '');
}
