// Runs a command with a GPU on a machine that has none: SwiftShader, from a development dependency,
// unpacked beside it. Vulkan's loader reads its settings when a process starts, so they are set for
// a child. A machine whose driver is named already, or that is no Linux on x64, keeps its own.
//
//     node test/software-gpu.mjs <command> [arguments]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const [command = '', ...args] = process.argv.slice(2);
const env = { ...process.env };
const named = env.VK_ICD_FILENAMES ?? env.VK_DRIVER_FILES;
if (process.platform === 'linux' && process.arch === 'x64' && named === undefined) {
  const folder = unpacked();
  env.VK_ICD_FILENAMES = join(folder, 'vk_swiftshader_icd.json');
  env.LD_LIBRARY_PATH = [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}
const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
if (error) console.error(`${command}: ${error.message}`);
process.exit(status ?? 1);

/** The folder with the driver; a run that is killed leaves no half of it. */
function unpacked() {
  const require = createRequire(import.meta.url);
  const bin = join(dirname(require.resolve('@sparticuz/chromium')), '../../bin');
  const cache = join(import.meta.dirname, '../node_modules/.cache');
  const folder = join(cache, 'swiftshader');
  if (existsSync(folder)) return folder;
  spawnSync('mkdir', ['-p', cache]);
  const partial = mkdtempSync(join(cache, 'partial-'));
  const input = brotliDecompressSync(readFileSync(join(bin, 'swiftshader.tar.br')));
  const tar = spawnSync('tar', ['-x', '-C', partial], { input });
  if (tar.status !== 0) throw new Error(`tar: ${tar.stderr}`);
  try {
    renameSync(partial, folder);
  } catch (cause) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw cause; // another run was first
  }
  return folder;
}
