// A file on a web server. Reads that follow one another, as the weights of a model do, share one
// request: its answer is taken as it comes, never kept. A small read elsewhere is a request of its
// own. A connection that breaks is taken up again where it ended.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { cutShort, patiently, type RemoteFile, request } from './http-request.ts';
import { checkRange } from './range.ts';

/** A file of known size on a server that answers requests for parts of a file. */
export interface SizedFile extends RemoteFile {
  readonly size: number;
}

/** To pass over so many bytes is cheaper than a request. */
const mostPassedOver = 2 ** 18;

/** A read of no more than this does not end a request that others may go on with. */
const smallRead = 2 ** 16;

/** A file on a web server, as a file. */
export function httpSource(file: SizedFile): ByteSource {
  let current: Answer | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const readNext = async (start: number, bytes: Uint8Array): Promise<void> => {
    const ahead = current === undefined ? -1 : start - current.position;
    if (current === undefined || ahead < 0 || ahead > mostPassedOver) {
      await current?.cancel();
      current = new Answer(file, start, file.size);
    } else {
      await current.take(new Uint8Array(ahead));
    }
    await current.take(bytes);
  };
  const isAside = (start: number, end: number): boolean => {
    if (end - start > smallRead || end === file.size) return false;
    const ahead = start - (current?.position ?? 0);
    return ahead < 0 || ahead > mostPassedOver;
  };
  return {
    name: file.name,
    size: file.size,
    read: async (start, end, into) => {
      checkRange(start, end, file.size, file.name);
      const bytes = into?.subarray(0, end - start) ?? new Uint8Array(end - start);
      if (start === end) return bytes;
      if (isAside(start, end)) {
        await new Answer(file, start, end).take(bytes);
        return bytes;
      }
      const work = turn.then(() => readNext(start, bytes));
      turn = work.catch(() => undefined);
      await work;
      return bytes;
    },
    close: async () => {
      await current?.cancel();
      current = undefined;
    },
  };
}

/** The bytes of a file from one place to another, as they arrive. */
class Answer {
  position: number;
  readonly #file: SizedFile;
  readonly #end: number;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #arrived: Uint8Array = new Uint8Array();

  constructor(file: SizedFile, start: number, end: number) {
    this.#file = file;
    this.position = start;
    this.#end = end;
  }

  /** Takes as many bytes as `bytes` has room for. */
  async take(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      if (this.#arrived.length === 0) {
        this.#arrived = await patiently(this.#file, () => this.#receive());
      }
      const taken = this.#arrived.subarray(0, bytes.length - done);
      this.#arrived = this.#arrived.subarray(taken.length);
      bytes.set(taken, done);
      done += taken.length;
      this.position += taken.length;
    }
  }

  async cancel(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#arrived = new Uint8Array();
    await reader?.cancel().catch(() => undefined); // a broken connection is closed already
  }

  async #receive(): Promise<Uint8Array> {
    try {
      this.#reader ??= await this.#ask();
      const { value } = await this.#reader.read();
      if (value === undefined) throw cutShort();
      return value;
    } catch (error) {
      await this.cancel();
      throw error;
    }
  }

  async #ask(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const range = `bytes=${this.position}-${this.#end - 1}`;
    const response = await request(this.#file, range);
    checkAnswer(response, this.position, this.#file);
    if (response.body === null) throw cutShort();
    return response.body.getReader();
  }
}

/** What the answer says of the part that it is; a server may hide that from other sites' pages. */
function checkAnswer({ status, headers }: Response, start: number, file: SizedFile): void {
  const where = { url: file.url };
  if (status !== 206 && start > 0) {
    throw new ToolkitError('IO_FAILED', 'the server does not answer requests for parts of a file', {
      where,
      fix: 'serve the folder with one that answers range requests, or pick it from disk',
    });
  }
  const [, first, total] =
    /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  const length = status === 206 ? total : plainLength(headers);
  if (
    (first !== undefined && Number(first) !== start) ||
    (length ?? `${file.size}`) !== `${file.size}`
  ) {
    throw new ToolkitError(
      'FILE_CHANGED',
      'the file on the server is not the one of the manifest',
      {
        where: { ...where, size: file.size, found: length ?? 'other bytes' },
        fix: 'upload the folder again, whole',
      },
    );
  }
}

/** The length of bytes that are sent as they are. */
function plainLength(headers: Headers): string | undefined {
  if (headers.has('content-encoding')) return undefined;
  return headers.get('content-length') ?? undefined;
}
