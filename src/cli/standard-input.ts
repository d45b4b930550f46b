// Text that is piped in.

import { buffer } from 'node:stream/consumers';
import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';

/** The whole text of stdin; asked for on a terminal, where nothing is piped, it is missing. */
export async function readStandardInput(what: string): Promise<string> {
  if (process.stdin.isTTY) {
    throw new ToolkitError('USAGE', `${what} is missing`, {
      fix: 'give one after the folder, or pipe one in',
    });
  }
  const text = decodeUtf8(await buffer(process.stdin));
  if (text !== undefined) return text.replace(/^\ufeff/, '');
  throw new ToolkitError('FILE_KIND', 'stdin is not UTF-8 text', { fix: 'convert it to UTF-8' });
}
