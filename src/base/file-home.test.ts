import { expect, it, vi } from 'vitest';
import { homeFolder } from './file-home.ts';

const homedir = vi.hoisted(() => vi.fn<() => string>());
vi.mock('node:os', () => ({ homedir }));

it('is the root where the system knows no folder of the user', () => {
  homedir.mockReturnValue('/users/somebody');
  expect(homeFolder()).toBe('/users/somebody');
  homedir.mockImplementation(() => {
    throw new Error('uv_os_homedir returned ENOENT');
  });
  expect(homeFolder()).toBe('/');
});
