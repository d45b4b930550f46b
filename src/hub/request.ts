// Requests to the Hub: made again where a failure may pass, ended where nothing arrives, and
// redirected by hand, so that the token goes to the configured server and to nobody else.

import { ToolkitError } from '../base/errors.ts';
import { type Clock, machineClock, mayPass, newPatience, type Patience } from '../base/retry.ts';
import { tool } from '../base/version.ts';
import { createRedactor, type Redact } from './redact.ts';
import type { HubSettings } from './settings.ts';
import { SourceBlob } from './source-blob.ts';
import { withStallLimit } from './stall.ts';

/** What requests are made with. */
export interface Hub {
  readonly settings: HubSettings;
  readonly redact: Redact;
  /**
   * `fetch` that retries, gives up on silence and guards the token. Any final answer is returned,
   * also one of an error; no answer is HUB_UNREACHABLE.
   */
  readonly fetch: typeof fetch;
  /** The same without a second try, for what may not happen twice; fails as the network does. */
  readonly fetchOnce: typeof fetch;
  readonly clock: Clock;
}

export interface HubOptions {
  readonly clock?: Clock;
  /** Milliseconds until an answer begins. */
  readonly headersMs?: number;
  /** Milliseconds without a byte worth mentioning. */
  readonly stallMs?: number;
}

/** A connection to the Hub; offline, one that fails before anything is sent. */
export function openHub(settings: HubSettings, options: HubOptions = {}): Hub {
  const { clock = machineClock, headersMs = 30_000, stallMs = 60_000 } = options;
  const redact = createRedactor([settings.token]);
  const limits = { headersMs, stallMs };
  const fetchOnce: typeof fetch = async (input, init) => {
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const url = new URL(request?.url ?? String(input));
    if (settings.offline) throw offlineError(url);
    const all = { ...(request && { method: request.method, headers: request.headers }), ...init };
    return await follow(url, all, settings, limits);
  };
  return {
    settings,
    redact,
    clock,
    fetchOnce,
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : String(input));
      const once = (): Promise<Response> => fetchOnce(input, init);
      return await patiently(url, once, clock, init?.signal ?? undefined, redact);
    },
  };
}

/** The same connection until a signal ends it: its requests then fail with the signal's reason. */
export function endedBy(hub: Hub, signal: AbortSignal): Hub {
  const until =
    (request: typeof fetch): typeof fetch =>
    async (input, init) => {
      signal.throwIfAborted();
      const signals = init?.signal ? [init.signal, signal] : [signal];
      return await request(input, { ...init, signal: AbortSignal.any(signals) });
    };
  return { ...hub, fetch: until(hub.fetch), fetchOnce: until(hub.fetchOnce) };
}

async function patiently(
  url: URL,
  once: () => Promise<Response>,
  clock: Clock,
  signal: AbortSignal | undefined,
  redact: Redact,
): Promise<Response> {
  const patience = newPatience(clock);
  for (;;) {
    const result = await once().catch((error: unknown) => {
      if (error instanceof ToolkitError || signal?.aborted === true) throw error;
      return error instanceof Error ? error : new Error(String(error));
    });
    const response = result instanceof Response ? result : undefined;
    if (response && !mayPass(response.status)) return response;
    await response?.body?.cancel().catch(() => undefined);
    if (await patience.wait(response?.headers, signal)) continue;
    throw unreachable(url, result, patience, redact);
  }
}

/** The error of a server that went on failing. */
export function unreachable(
  url: URL,
  result: Response | Error,
  { tries, waitedMs }: Patience,
  redact: Redact,
): ToolkitError {
  const found =
    result instanceof Response ? { status: result.status } : { cause: redact(reasonOf(result)) };
  return new ToolkitError('HUB_UNREACHABLE', 'the server does not answer as it should', {
    where: { url: placeOf(url), ...found, tries, waited_seconds: Math.round(waitedMs / 1000) },
    fix: 'check the connection and HF_ENDPOINT, and try again later',
  });
}

/** What is behind the `fetch failed` of a TypeError. */
function reasonOf(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return 'code' in cause ? String(cause.code) : cause.message;
}

/** An address without what may be secret in it. */
export function placeOf(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const maxRedirects = 10;
const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface Limits {
  readonly headersMs: number;
  readonly stallMs: number;
}

/** Adds the token where it belongs, and goes where redirects lead. */
async function follow(
  start: URL,
  init: RequestInit,
  settings: HubSettings,
  limits: Limits,
): Promise<Response> {
  let url = start;
  for (let count = 0; count <= maxRedirects; count++) {
    const response = await send(url, { ...init, headers: headersFor(url, init, settings) }, limits);
    const location = response.headers.get('location');
    if (!redirecting.has(response.status) || location === null) return response;
    await response.body?.cancel().catch(() => undefined);
    url = nextPlace(url, location, init, settings);
  }
  throw new ToolkitError('REMOTE_MISMATCH', 'the server redirects without end', {
    where: { url: placeOf(start), redirects: maxRedirects },
    fix: 'check HF_ENDPOINT',
  });
}

function hasBody(body: RequestInit['body']): boolean {
  return body !== undefined && body !== null;
}

function headersFor(url: URL, init: RequestInit, settings: HubSettings): Headers {
  const headers = new Headers(init.headers);
  if (!headers.has('user-agent')) headers.set('user-agent', `${tool.name}/${tool.version}`);
  if (url.origin !== new URL(settings.endpoint).origin) {
    headers.delete('authorization');
    headers.delete('cookie');
  } else if (settings.token !== undefined) {
    headers.set('authorization', `Bearer ${settings.token}`);
  }
  return headers;
}

const localName =
  /^(?:localhost\.?|.*\.localhost\.?|127\..*|0\.0\.0\.0|10\..*|192\.168\..*|169\.254\..*|172\.(?:1[6-9]|2\d|3[01])\..*|\[::1?\]|\[f[cd].*|\[fe80.*|\[::ffff:.*)$/i;

/** Where a redirect leads; a less safe place than the one before is refused. */
function nextPlace(
  from: URL,
  location: string,
  { body }: RequestInit,
  { endpoint }: HubSettings,
): URL {
  const refuse = (rule: string): never => {
    throw new ToolkitError('REMOTE_MISMATCH', rule, {
      where: { url: placeOf(from) },
      fix: 'check HF_ENDPOINT, and that no proxy answers in its place',
    });
  };
  if (!URL.canParse(location, from.href)) return refuse('the server redirects to no address');
  const url = new URL(location, from.href);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refuse('the server redirects to something else than a web server');
  }
  if (url.protocol === 'http:' && from.protocol === 'https:') {
    return refuse('the server redirects from https to http');
  }
  // what starts a job holds the token, too
  if (hasBody(body) && url.origin !== from.origin) {
    return refuse('the server redirects what is sent to another server');
  }
  const known = new URL(endpoint);
  if (
    localName.test(url.hostname) &&
    url.origin !== known.origin &&
    !localName.test(known.hostname)
  ) {
    return refuse('the server redirects to an address of the local network');
  }
  return url;
}

async function send(
  url: URL,
  init: RequestInit,
  { headersMs, stallMs }: Limits,
): Promise<Response> {
  const ending = new AbortController();
  const outer = init.signal ?? undefined;
  const signal = outer ? AbortSignal.any([outer, ending.signal]) : ending.signal;
  const watch = watching(init.body, { headersMs, stallMs }, ending);
  try {
    const response = await fetch(url.href, { ...init, signal, ...redirection(init.body) });
    return withStallLimit(response, stallMs, ending);
  } finally {
    watch.end();
  }
}

/**
 * Redirects are followed by hand. A file's are refused, and nobody may ask about them: only then
 * does fetch of Node not keep a copy of all that it sends.
 */
function redirection(body: RequestInit['body']): RequestInit {
  return body instanceof SourceBlob ? { redirect: 'error', window: null } : { redirect: 'manual' };
}

/** So much longer a server may take that was given something to work on. */
const working = 5;

/** Ends a request that nothing comes of. A large body may take long, while it is taken. */
function watching(
  body: RequestInit['body'],
  { headersMs, stallMs }: Limits,
  ending: AbortController,
): { readonly end: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const within = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => ending.abort(new Error(`no answer for ${ms / 1000} s`)), ms);
  };
  within(hasBody(body) ? working * headersMs : headersMs);
  if (body instanceof SourceBlob) {
    within(stallMs);
    body.watch((isLast) => within(isLast ? working * stallMs : stallMs));
  }
  return { end: () => clearTimeout(timer) };
}

function offlineError(url: URL): ToolkitError {
  return new ToolkitError('HUB_UNREACHABLE', 'a connection is needed, and this run is offline', {
    where: { url: placeOf(url) },
    fix: 'leave out --offline, and unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE',
  });
}
