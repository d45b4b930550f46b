// Whether Linux has a Vulkan driver at all. Without one Dawn says so in three lines of its own, which
// would stand before ours in every command on a machine without a GPU.

import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { homeFolder } from '../base/file-home.ts';
import { dawn } from '../runtime/gpu/dawn.ts';
import { type Device, noAdapter, openDevice } from '../runtime/gpu/device.ts';

/** Where Vulkan's loader looks for drivers, as its documentation lists them. */
function searched(env: NodeJS.ProcessEnv): readonly string[] {
  const roots = [
    env['XDG_CONFIG_HOME'] ?? join(homeFolder(), '.config'),
    ...(env['XDG_CONFIG_DIRS'] ?? '/etc/xdg').split(delimiter),
    '/etc',
    env['XDG_DATA_HOME'] ?? join(homeFolder(), '.local/share'),
    ...(env['XDG_DATA_DIRS'] ?? '/usr/local/share:/usr/share').split(delimiter),
  ];
  return roots.map((root) => join(root, 'vulkan/icd.d'));
}

/** True on systems that need none. */
export function hasVulkanDriver(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (platform !== 'linux') return true;
  const named = [env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'], env['VK_ADD_DRIVER_FILES']]
    .filter((files) => files !== undefined && files !== '')
    .flatMap((files) => files?.split(delimiter) ?? []);
  if (named.length > 0) return named.some((file) => existsSync(file));
  return searched(env).some((folder) => {
    try {
      return readdirSync(folder).some((file) => file.endsWith('.json'));
    } catch {
      return false;
    }
  });
}

/** Opens the machine's GPU. */
export async function nativeDevice(): Promise<Device> {
  if (!hasVulkanDriver()) throw noAdapter();
  return await openDevice(await dawn());
}
