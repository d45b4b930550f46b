// Recorded outputs that a user names: the file itself, or the folder of a case.

import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ToolkitError } from '../base/errors.ts';
import { fileSource } from '../checkpoint/file-source.ts';
import { readGolden } from '../validate/golden.ts';
import { goldenName, type NamedGolden } from '../verify.ts';

/** Reads recorded outputs from a file, or from `golden.safetensors` in a folder. */
export async function openGolden(path: string): Promise<NamedGolden> {
  const file = (await isFolder(path)) ? join(path, goldenName) : path;
  const source = await fileSource(file).catch((error: unknown) => {
    if (file === path || !(error instanceof ToolkitError)) throw error;
    throw new ToolkitError('INPUT_MISSING', `the folder holds no ${goldenName}`, {
      where: { golden: path },
      fix: 'give the folder of a recorded case, or a file',
      cause: error,
    });
  });
  try {
    return { name: caseName(file), golden: await readGolden(source) };
  } finally {
    await source.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The case's folder names it, unless the file has a name of its own. */
function caseName(file: string): string {
  const path = resolve(file);
  return basename(path) === goldenName ? basename(dirname(path)) : basename(path);
}
