// One small file of a repository that is no part of the checkpoint, as its model card.

import { type ErrorContext, ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import { accepted, type Asked } from './answers.ts';
import { readBody } from './body.ts';
import type { Hub } from './request.ts';

/**
 * Fetches a text of a repository at a revision; undefined where there is none, also where there is
 * no such repository. One of more than `maxBytes` is FILE_TOO_LARGE, one that is not UTF-8 FILE_KIND.
 */
export async function fetchText(
  hub: Hub,
  asked: Required<Asked>,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const bytes = await fetchSmallFile(hub, asked, maxBytes, signal);
  if (bytes === undefined) return undefined;
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  throw new ToolkitError('FILE_KIND', 'the file is not UTF-8 text', {
    where: whereOf(asked),
    fix: 'convert it to UTF-8 there',
  });
}

/** The same for any bytes. */
export async function fetchSmallFile(
  hub: Hub,
  asked: Required<Asked>,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const names = [asked.revision, ...asked.file.split('/')];
  const path = names.map(encodeURIComponent).join('/');
  const url = `${hub.settings.endpoint}/${asked.id}/resolve/${path}`;
  const response = await hub.fetch(url, signal ? { signal } : {});
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  const bytes = await readBody(await accepted(response, asked, hub), url, maxBytes);
  if (bytes !== undefined) return bytes;
  throw new ToolkitError(
    'FILE_TOO_LARGE',
    `the file is larger than the ${maxBytes} bytes allowed`,
    {
      where: whereOf(asked),
      fix: 'check that it is what its name says',
    },
  );
}

function whereOf({ id, revision, file }: Required<Asked>): ErrorContext {
  return { repository: id, revision, file };
}
