// Requests to a web server: what its answers mean, and patience where a failure may pass.

import { ToolkitError } from '../base/errors.ts';
import { machineClock, mayPass, newPatience } from '../base/retry.ts';

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
  if (mayPass(status)) throw new PassingFailure(`the server says ${status}`, response.headers);
  throw refusal(file, status);
}

/** A failure that may pass; `headers` may say when. */
class PassingFailure extends Error {
  readonly headers: Headers | undefined;

  constructor(message: string, headers?: Headers) {
    super(message);
    this.headers = headers;
  }
}

/** Does work again that failed on its way to the server; at the end the failure is an error. */
export async function patiently<T>(file: RemoteFile, work: () => Promise<T>): Promise<T> {
  const patience = newPatience(machineClock);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const headers = error instanceof PassingFailure ? error.headers : undefined;
      if (!(await patience.wait(headers))) throw unfetched(file, error);
    }
  }
}

/** Does work a single time: the first request to an address, which may be misspelled. */
export async function once<T>(file: RemoteFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isPassing(error) ? unfetched(file, error) : error;
  }
}

function unfetched({ url }: RemoteFile, cause: Error): ToolkitError {
  return new ToolkitError('IO_FAILED', 'the file cannot be fetched', {
    where: { url, cause: cause.message },
    fix: 'check the address and the connection, and that the server lets this page read it',
    cause,
  });
}

/** `fetch` gives a TypeError whatever is wrong on the way. */
function isPassing(error: unknown): error is Error {
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
