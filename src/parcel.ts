// What of an output folder is published: the files that the manifest lists and the manifest itself.
// Nothing else that lies there is sent, and these only while they are what was written and was
// verified.

import { ToolkitError } from './base/errors.ts';
import type { ByteSource, Hasher, SourceFolder, WrittenFile } from './base/files.ts';
import { decodeUtf8 } from './base/json-file.ts';
import { maxManifestBytes } from './base/limits.ts';
import { type Manifest, manifestName } from './base/manifest.ts';
import { parseManifest } from './base/manifest-reader.ts';
import { readWhole } from './checkpoint/json-asset.ts';
import { cardName, maxCardBytes } from './hub/fetch-card.ts';
import type { PushedFile } from './hub/held-files.ts';
import { SourceBlob } from './hub/source-blob.ts';
import type { Output } from './runtime/output.ts';
import { checkHashes, openOutputFile } from './verify.ts';

/** The files of a folder, open until they are sent. */
export interface Parcel {
  readonly manifest: Manifest;
  /** README.md of the folder, where somebody put one there. */
  readonly readme: string | undefined;
  readonly files: readonly PushedFile[];
  /** Aborted when a file turns out to be another than it was; the reason is the error. */
  readonly failing: AbortSignal;
  readonly close: () => Promise<void>;
}

export interface ParcelOptions {
  /** Take models that no verification has passed, too. */
  readonly unverified: boolean;
  readonly sha256: () => Hasher;
  /** Told of bytes that go to the connection; a negative count takes some back. */
  readonly onBytes?: (count: number) => void;
}

/** Opens what is published, and holds it against the manifest. */
export async function openParcel(output: Output, options: ParcelOptions): Promise<Parcel> {
  const { unverified, sha256, onBytes = () => undefined } = options;
  const bytes = await readSmall(output.root, manifestName, maxManifestBytes);
  if (bytes === undefined) throw noManifest(output.root);
  const manifest = parseManifest(bytes);
  checkModels(manifest, unverified);
  const own = memoryFile(manifestName, bytes, sha256);
  const readme = await readReadme(output.root);
  const failing = new AbortController();
  const sources: ByteSource[] = [];
  const close = async (): Promise<void> => {
    for (const source of sources.splice(0)) await source.close();
  };
  const onFailure = (error: unknown): void => failing.abort(error);
  const open = async (file: WrittenFile): Promise<readonly PushedFile[]> => {
    const source = await openOutputFile(output, file.path);
    if (source === undefined) return [];
    sources.push(source);
    const reading = { sha256: file.sha256, hasher: sha256, onBytes, onFailure };
    return [{ ...file, content: new SourceBlob(source, reading) }];
  };
  try {
    const listed: PushedFile[] = [];
    for (const file of manifest.outputs) listed.push(...(await open(file)));
    // hashed after they are opened: from then on every read notices a change
    await checkHashes(output, manifest, sha256);
    return { manifest, readme, files: [own, ...listed], failing: failing.signal, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readSmall(
  folder: SourceFolder,
  name: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const source = await folder.open(name);
  return source && (await readWhole(source, limit).finally(() => source.close()));
}

async function readReadme(folder: SourceFolder): Promise<string | undefined> {
  const bytes = await readSmall(folder, cardName, maxCardBytes);
  if (bytes === undefined) return undefined;
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  throw new ToolkitError('FILE_KIND', 'the model card of the folder is not UTF-8 text', {
    where: { file: cardName, folder: folder.name },
    fix: 'convert it to UTF-8, or take it away',
  });
}

/** A file that is published from memory. */
export function memoryFile(path: string, bytes: Uint8Array, sha256: () => Hasher): PushedFile {
  const hash = sha256();
  hash.update(bytes);
  const content = new Blob([new Uint8Array(bytes)]);
  return { path, size: bytes.length, sha256: hash.digest(), content };
}

function noManifest(folder: SourceFolder): ToolkitError {
  return new ToolkitError('INPUT_MISSING', 'the folder has no manifest', {
    where: { file: manifestName, folder: folder.name },
    fix: 'give a folder that convert wrote',
  });
}

/** Fails on a file that is listed twice, and on a model that did not pass. */
function checkModels({ outputs, verifications }: Manifest, unverified: boolean): void {
  const paths = new Set(outputs.map(({ path }) => path));
  if (outputs.length > paths.size || [manifestName, cardName].some((own) => paths.has(own))) {
    throw new ToolkitError('MANIFEST_INVALID', 'the manifest lists a file twice', {
      fix: 'convert again',
    });
  }
  if (unverified) return;
  const models = [...paths].filter((path) => path.endsWith('.onnx'));
  for (const file of models) {
    const found = verifications.filter((each) => each.file === file);
    if (found.length > 0 && found.every(({ passed }) => passed)) continue;
    const failed = found.find(({ passed }) => !passed);
    throw new ToolkitError(
      'NOT_VERIFIED',
      failed === undefined
        ? 'no verification has passed this model'
        : 'this model failed a verification',
      {
        where: { file, ...(failed && { runtime: failed.runtime, golden: failed.golden }) },
        fix: 'run modernbert-onnx verify on the folder, or publish it as it is with --unverified',
      },
    );
  }
}
