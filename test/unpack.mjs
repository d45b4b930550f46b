// What the development dependency @sparticuz/chromium carries, unpacked beside it once: Chromium,
// SwiftShader, and the libraries and fonts that Chromium asks for. Nothing else is installed.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** The folder `name` with what is in the packed files; a run that is killed leaves no half of it. */
export function unpacked(name, files) {
  const require = createRequire(import.meta.url);
  const bin = join(dirname(require.resolve('@sparticuz/chromium')), '../../bin');
  const cache = join(import.meta.dirname, '../node_modules/.cache');
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(join(cache, 'partial-'));
  for (const file of files) unpack(join(bin, file), partial, file);
  try {
    renameSync(partial, folder);
  } catch (cause) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw cause; // another run was first
  }
  return folder;
}

/** Puts an archive's files, or a packed program, into a folder. */
function unpack(packed, folder, file) {
  const input = brotliDecompressSync(readFileSync(packed));
  if (!file.endsWith('.tar.br')) {
    writeFileSync(join(folder, file.replace(/\.br$/, '')), input, { mode: 0o755 });
    return;
  }
  const tar = spawnSync('tar', ['-x', '-C', folder], { input });
  if (tar.status !== 0) throw new Error(`tar: ${tar.stderr}`);
}
