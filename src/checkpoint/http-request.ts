// Requests to a web server: what its answers mean, and patience where a failure may pass.

import { ToolkitError } from '../base/errors.ts';

/** A file on a server, for requests and for messages. */
export interface RemoteFile {
  readonly name: string;
  readonly url: string;
}

/** Asks for a file, or with `range` for a part of it; anything but its bytes is an error. */
export async function request(file: RemoteFile, range?: string): Promise<Response> {
  const response = await fetch(file.url, range === undefined ? {} : { headers: { range } });
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  if (passing.has(status) || status >= 500) throw new PassingFailure(`the server says ${status}`);
  throw refusal(file, status);
}

/** Timeout and too many requests: a server that says so may do better a moment later. */
const passing: ReadonlySet<number> = new Set([408, 429]);

class PassingFailure extends Error {}

/** Milliseconds between attempts. */
const pauses = [500, 1500, 4000];

/** Does work again that failed on its way to the server; at the end the failure is an error. */
export async function patiently<T>(file: RemoteFile, work: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return await once(file, work);
}

/** Does work a single time: the first request to an address, which may be misspelled. */
export async function once<T>(file: RemoteFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!mayPass(cause)) throw cause;
    throw new ToolkitError('IO_FAILED', 'the file cannot be fetched', {
      where: { url: file.url, cause: cause.message },
      fix: 'check the address and the connection, and that the server lets this page read it',
      cause,
    });
  }
}

/** `fetch` gives a TypeError whatever is wrong on the way. */
function mayPass(error: unknown): error is Error {
  return error instanceof PassingFailure || error instanceof TypeError;
}

/** A connection that ends before the last byte. */
export function cutShort(): Error {
  return new PassingFailure('the connection ended early');
}

function refusal({ url }: RemoteFile, status: number): ToolkitError {
  const where = { url, status };
  if (status === 404 || status === 410) {
    return new ToolkitError('INPUT_MISSING', 'the server has no such file', {
      where,
      fix: 'check the address: it is that of a folder that convert wrote',
    });
  }
  if (status === 401 || status === 403) {
    return new ToolkitError('IO_FAILED', 'the server does not hand out the file', {
      where,
      fix: 'check the name, and that everybody may read it',
    });
  }
  return new ToolkitError('IO_FAILED', 'the server refuses the request', { where });
}
