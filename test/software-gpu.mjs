// Runs a command with a GPU on a machine that has none: SwiftShader, from a development dependency,
// unpacked beside it. Vulkan's loader reads its settings when a process starts, so they are set for
// a child. A machine whose driver is named already, or that is no Linux on x64, keeps its own.
//
//     node test/software-gpu.mjs <command> [arguments]

import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { unpacked } from './unpack.mjs';

const [command = '', ...args] = process.argv.slice(2);
const env = { ...process.env };
const named = env.VK_ICD_FILENAMES ?? env.VK_DRIVER_FILES;
if (process.platform === 'linux' && process.arch === 'x64' && named === undefined) {
  const folder = unpacked('swiftshader', ['swiftshader.tar.br']);
  env.VK_ICD_FILENAMES = join(folder, 'vk_swiftshader_icd.json');
  env.LD_LIBRARY_PATH = [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
}
const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
if (error) console.error(`${command}: ${error.message}`);
process.exit(status ?? 1);
