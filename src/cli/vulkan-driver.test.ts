import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasVulkanDriver } from './vulkan-driver.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'modernbert-onnx-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('other systems bring a driver', () => {
  expect(hasVulkanDriver('darwin', {})).toBe(true);
  expect(hasVulkanDriver('win32', {})).toBe(true);
});

test('a driver that is named must be there', () => {
  const path = join(folder(), 'driver.json');
  expect(hasVulkanDriver('linux', { VK_ICD_FILENAMES: path })).toBe(false);
  writeFileSync(path, '{}');
  expect(hasVulkanDriver('linux', { VK_ICD_FILENAMES: `/nowhere.json:${path}` })).toBe(true);
  expect(hasVulkanDriver('linux', { VK_DRIVER_FILES: '/nowhere.json' })).toBe(false);
});

test('a driver is found where the loader looks', () => {
  const home = folder();
  const drivers = join(home, 'vulkan/icd.d');
  mkdirSync(drivers, { recursive: true });
  const env = { XDG_CONFIG_HOME: '/nowhere', XDG_CONFIG_DIRS: '/nowhere', XDG_DATA_HOME: home };
  writeFileSync(join(drivers, 'driver.json'), '{}');
  expect(hasVulkanDriver('linux', { ...env, XDG_DATA_DIRS: '/nowhere' })).toBe(true);
});
