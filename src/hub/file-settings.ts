// The Hub's settings of this process: the environment, and the token's file.

import { readFileSync } from 'node:fs';
import { homeFolder } from '../base/file-home.ts';
import { type Environment, type HubSettings, hubSettings, tokenPlace } from './settings.ts';

/** Reads the settings; `offline` adds to what the environment says. */
export function readHubSettings(
  env: Environment,
  { offline = false }: { readonly offline?: boolean } = {},
): HubSettings {
  return hubSettings(env, homeFolder(), { token: readToken(env), offline });
}

/** The token, where there is one. */
export function readToken(env: Environment): string | undefined {
  const place = tokenPlace(env, homeFolder());
  if (place.kind === 'token') return place.token;
  if (place.kind === 'none') return undefined;
  try {
    const token = readFileSync(place.path, 'utf8').trim();
    return token === '' ? undefined : token;
  } catch {
    return undefined; // nobody logged in
  }
}
