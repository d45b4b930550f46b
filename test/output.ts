// What the tests of output folders share: a place to write in, and a way to look at failures.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { ToolkitError } from '../src/base/errors.ts';
import { createOutput, type FileOutput } from '../src/onnx/file-sink.ts';

export interface Place {
  /** An empty folder. */
  parent: string;
  /** `out` in it, which is not there. */
  target: string;
}

/** A place that is fresh in every test of the file. */
export function freshPlace(): Place {
  const place: Place = { parent: '', target: '' };
  beforeEach(() => {
    place.parent = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
    place.target = join(place.parent, 'out');
  });
  afterEach(() => {
    rmSync(place.parent, { recursive: true, force: true });
  });
  return place;
}

/** Writes one file from beginning to end. */
export async function putFile(output: FileOutput, path: string, text: string): Promise<void> {
  const file = await output.create(path);
  await file.write(new TextEncoder().encode(text));
  await file.close();
}

/** Writes a folder of one file, `onnx/model.onnx`, from beginning to end. */
export async function writeOutput(
  target: string,
  text: string,
  force = false,
): Promise<FileOutput> {
  const output = await createOutput(target, { force });
  await putFile(output, 'onnx/model.onnx', text);
  await output.publish();
  return output;
}

/** The error that the work ends with. */
export async function failureOf(work: Promise<unknown>): Promise<ToolkitError> {
  return await work.then(
    () => {
      throw new Error('nothing failed');
    },
    (error: ToolkitError) => error,
  );
}
