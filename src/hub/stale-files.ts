// Files of an earlier push that the next one does not bring again: the manifest in the repository
// lists them. Anybody may have written that, so it is believed only where all of its names are those
// of a conversion, and of a file only while it is what was pushed.

import { printable, ToolkitError } from '../base/errors.ts';
import type { WrittenFile } from '../base/files.ts';
import { maxAssetBytes, maxManifestBytes } from '../base/limits.ts';
import { manifestName, modelPaths } from '../base/manifest.ts';
import { parseManifest } from '../base/manifest-reader.ts';
import { pureSha256 } from '../base/sha256.ts';
import { assetNames } from '../checkpoint/assets.ts';
import { findFiles, type HubFile } from './listing.ts';
import type { Hub } from './request.ts';
import { fetchSmallFile } from './small-file.ts';

interface NextPush {
  readonly id: string;
  /** That it comes after. */
  readonly commit: string;
  /** Everything that it brings. */
  readonly files: readonly { readonly path: string }[];
}

/** Paths of those that are there and are to be removed; `onWarning` is told why others stay. */
export async function staleFiles(
  hub: Hub,
  { id, commit, files }: NextPush,
  onWarning: (sentence: string) => void,
): Promise<readonly string[]> {
  const brought = new Set(files.map(({ path }) => path));
  const earlier = await earlierFiles(hub, id, commit, onWarning);
  const listed = earlier.filter(({ path }) => !brought.has(path));
  if (listed.length === 0) return [];
  const remote = await findFiles(
    hub,
    id,
    commit,
    listed.map(({ path }) => path),
  );
  const stale: string[] = [];
  for (const file of listed) {
    const found = remote.get(file.path);
    if (found === undefined) continue;
    if (await isUnchanged(hub, { id, commit }, found, file)) stale.push(file.path);
    else onWarning(`${file.path} in ${id} is not what was pushed there, so it stays`);
  }
  return stale;
}

/** What the manifest of the commit lists; nothing where it cannot be believed. */
async function earlierFiles(
  hub: Hub,
  id: string,
  commit: string,
  onWarning: (sentence: string) => void,
): Promise<readonly WrittenFile[]> {
  const distrust = (reason: string): readonly [] => {
    onWarning(`${manifestName} in ${id} ${reason}: nothing of an earlier push is removed`);
    return [];
  };
  try {
    const asked = { id, revision: commit, file: manifestName };
    const bytes = await fetchSmallFile(hub, asked, maxManifestBytes);
    if (bytes === undefined) return [];
    const { outputs } = parseManifest(bytes);
    const foreign = outputs.find(({ path }) => !isOfConversion(path));
    if (foreign !== undefined)
      return distrust(`lists ${printable(foreign.path)}, which no conversion writes`);
    if (outputs.length > maxListed) return distrust(`lists ${outputs.length} files`);
    return [...new Map(outputs.map((file) => [file.path, file])).values()];
  } catch (error) {
    // what stands in it, not what the connection did
    if (!(error instanceof ToolkitError) || error.exitStatus !== 65) throw error;
    return distrust(`cannot be read (${error.code})`);
  }
}

/** Models in five formats have data files of 2 GB; more is no manifest of a conversion. */
const maxListed = 500;

const rootNames: ReadonlySet<string> = new Set([
  'config.json',
  'genai_config.json',
  'golden.safetensors',
  ...assetNames,
]);

/** Whether a conversion gives this name to a file. */
export function isOfConversion(path: string): boolean {
  if (rootNames.has(path)) return true;
  const model = Object.values(modelPaths).find((each) => path.startsWith(each));
  return model !== undefined && /^(?:_data(?:_[1-9]\d{0,3})?)?$/.test(path.slice(model.length));
}

async function isUnchanged(
  hub: Hub,
  { id, commit }: Pick<NextPush, 'id' | 'commit'>,
  remote: HubFile,
  { path, size, sha256 }: WrittenFile,
): Promise<boolean> {
  if (remote.size !== size) return false;
  if (remote.hash.length === 64) return remote.hash === sha256;
  if (size > maxAssetBytes) return false;
  // of a file in git itself the Hub tells another hash
  const asked = { id, revision: commit, file: path };
  const hash = pureSha256();
  hash.update((await fetchSmallFile(hub, asked, size)) ?? new Uint8Array());
  return hash.digest() === sha256;
}
