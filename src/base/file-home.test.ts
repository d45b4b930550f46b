import { expect, it } from 'vitest';
import { homeFolder } from './file-home.ts';

it('is the root where the system knows no folder of the user', () => {
  expect(homeFolder(() => '/users/somebody')).toBe('/users/somebody');
  const unknown = (): never => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  expect(homeFolder(unknown)).toBe('/');
});
