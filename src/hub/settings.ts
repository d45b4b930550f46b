// What the environment says about the Hub, by the rules of its Python library, so that one machine's
// settings hold for both. Pure: files are read elsewhere.

import { ToolkitError } from '../base/errors.ts';

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How the Hub is reached, and where its files are kept. */
export interface HubSettings {
  /** `https://huggingface.co`, without a slash at its end. */
  readonly endpoint: string;
  /** Sent to the endpoint's origin only. */
  readonly token: string | undefined;
  /** Folder of the cache that is shared with the Hub's other tools. */
  readonly cache: string;
  /** No connection may be made. */
  readonly offline: boolean;
}

/** Where the token comes from: itself, or the file that holds it. */
export type TokenPlace =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'none' };

/** The settings of an environment; `home` is the user's folder. */
export function hubSettings(
  env: Environment,
  home: string,
  { token, offline = false }: { readonly token?: string | undefined; readonly offline?: boolean },
): HubSettings {
  return {
    endpoint: endpointOf(env),
    token: sendable(token),
    cache: cacheOf(env, home),
    offline: offline || isOn(env['HF_HUB_OFFLINE']) || isOn(env['TRANSFORMERS_OFFLINE']),
  };
}

// else every request would fail as if the network did, and be tried again
function sendable(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ToolkitError('USAGE', 'the token of the Hub holds characters that no token has', {
    fix: 'run hf auth login again, or set HF_TOKEN to the token alone',
  });
}

/** Where to look for the token. */
export function tokenPlace(env: Environment, home: string): TokenPlace {
  if (isOn(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return { kind: 'none' };
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const token = env[name]?.trim() ?? '';
    if (token !== '') return { kind: 'token', token };
  }
  const path = given(env, 'HF_TOKEN_PATH') ?? `${hfHome(env, home)}/token`;
  return { kind: 'file', path: expanded(path, home) };
}

function cacheOf(env: Environment, home: string): string {
  const path =
    given(env, 'HF_HUB_CACHE') ?? given(env, 'HUGGINGFACE_HUB_CACHE') ?? `${hfHome(env, home)}/hub`;
  return expanded(path, home);
}

function hfHome(env: Environment, home: string): string {
  return given(env, 'HF_HOME') ?? `${given(env, 'XDG_CACHE_HOME') ?? `${home}/.cache`}/huggingface`;
}

function given(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function expanded(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? home + path.slice(1) : path;
}

const yes: ReadonlySet<string> = new Set(['1', 'ON', 'YES', 'TRUE']);

function isOn(value: string | undefined): boolean {
  return yes.has(value?.toUpperCase() ?? '');
}

function endpointOf(env: Environment): string {
  const text = given(env, 'HF_ENDPOINT') ?? 'https://huggingface.co';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  const isPlain = url?.username === '' && url.password === '' && url.search + url.hash === '';
  if (url !== undefined && isWeb && isPlain)
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  // the text is not repeated: it may hold a password
  throw new ToolkitError('USAGE', 'HF_ENDPOINT is no address of a web server', {
    fix: 'set it to an address such as https://huggingface.co, without user, password or query',
  });
}
