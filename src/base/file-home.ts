// The user's folder, which is not known everywhere: a container may run as a user without a name.

import { homedir } from 'node:os';

/** The user's folder; the root where the system knows none, as container runtimes have it. */
export function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
