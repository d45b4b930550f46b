// Text that is piped in.

import { buffer } from 'node:stream/consumers';
import { ToolkitError } from '../base/errors.ts';
import { textOf } from './text-file.ts';

/** The whole text of stdin; asked for on a terminal, where nothing is piped, it is missing. */
export async function readStandardInput(what: string): Promise<string> {
  if (process.stdin.isTTY) {
    throw new ToolkitError('USAGE', `${what} is missing`, {
      fix: 'give one after the folder, or pipe one in',
    });
  }
  return textOf(await buffer(process.stdin), 'stdin');
}
