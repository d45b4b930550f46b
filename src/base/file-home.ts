// The user's folder, which is not known everywhere: a container may run as a user without a name.

import { homedir } from 'node:os';

/** The user's folder; the root where `find` knows none, as container runtimes have it. */
export function homeFolder(find: () => string = homedir): string {
  try {
    return find();
  } catch {
    return '/';
  }
}
