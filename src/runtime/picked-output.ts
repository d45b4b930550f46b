// An output folder of files that a user picked or dropped on a page, wherever in the pick it lies.

import { manifestName } from '../base/manifest.ts';
import { blobFolder } from '../checkpoint/memory-source.ts';
import type { Output } from './output.ts';

/** The output folder among files by their paths: the one with the manifest that is nearest the top. */
export function pickedOutput(files: ReadonlyMap<string, Blob>): Output {
  const [manifest = manifestName] = [...files.keys()]
    .filter((path) => path === manifestName || path.endsWith(`/${manifestName}`))
    .toSorted((a, b) => a.split('/').length - b.split('/').length);
  const root = manifest.slice(0, -manifestName.length);
  const [first = ''] = files.keys();
  const name = root.split('/').at(-2) ?? first.split('/')[0] ?? '';
  return {
    root: blobFolder(name, filesIn(root, files)),
    models: blobFolder('onnx', filesIn(`${root}onnx/`, files)),
  };
}

function filesIn(folder: string, files: ReadonlyMap<string, Blob>): Readonly<Record<string, Blob>> {
  return Object.fromEntries(
    [...files]
      .filter(([path]) => path.startsWith(folder) && !path.slice(folder.length).includes('/'))
      .map(([path, file]) => [path.slice(folder.length), file]),
  );
}
