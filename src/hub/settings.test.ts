import { describe, expect, it } from 'vitest';
import { createRedactor } from './redact.ts';
import { hubSettings, tokenPlace } from './settings.ts';

const home = '/users/me';

describe('the settings of the Hub', () => {
  it.each([
    [{}, '/users/me/.cache/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/x', HF_HOME: '~/hf' }, '/users/me/hf/hub'],
    [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/c' }, '/c'],
  ])('keep the cache of %j where Python does', (env, cache) => {
    expect(hubSettings(env, home, {}).cache).toBe(cache);
  });

  it.each([
    [
      { HF_TOKEN: ' a ', HUGGING_FACE_HUB_TOKEN: 'b' },
      { kind: 'token', token: 'a' },
    ],
    [
      { HUGGING_FACE_HUB_TOKEN: 'b', HF_TOKEN_PATH: '/t' },
      { kind: 'token', token: 'b' },
    ],
    [
      { HF_TOKEN_PATH: '/t', HF_HOME: '/h' },
      { kind: 'file', path: '/t' },
    ],
    [{ HF_HOME: '/h' }, { kind: 'file', path: '/h/token' }],
    [{ HF_TOKEN: 'a', HF_HUB_DISABLE_IMPLICIT_TOKEN: 'True' }, { kind: 'none' }],
  ])('take the token of %j from one place', (env, place) => {
    expect(tokenPlace(env, home)).toEqual(place);
  });

  it.each(['ftp://a', 'nothing', 'https://me:pass@host', 'https://host?x=1'])(
    'refuse the endpoint %s without repeating it',
    (endpoint) => {
      const read = (): unknown => hubSettings({ HF_ENDPOINT: endpoint }, home, {});
      expect(read).toThrow('HF_ENDPOINT is no address of a web server');
      expect(read).not.toThrow(endpoint);
    },
  );

  it.each(['a\nb', 'hf_\u{1f511}', 'my token'])(
    'refuse the token %j without repeating it',
    (token) => {
      const read = (): unknown => hubSettings({}, home, { token });
      expect(read).toThrow('characters that no token has');
      expect(read).not.toThrow(token);
    },
  );

  it('are offline when any switch says so', () => {
    expect(hubSettings({ HF_HUB_OFFLINE: '0' }, home, {}).offline).toBe(false);
    expect(hubSettings({ HF_HUB_OFFLINE: 'on' }, home, {}).offline).toBe(true);
    expect(hubSettings({ TRANSFORMERS_OFFLINE: 'YES' }, home, {}).offline).toBe(true);
    expect(hubSettings({}, home, { offline: true }).offline).toBe(true);
  });
});

describe('the redactor', () => {
  const redact = createRedactor(['my-token/1', undefined]);
  it.each([
    ['it is my-token/1.', 'it is [secret].'],
    ['it is my-token%2F1.', 'it is [secret].'],
    [`hf_${'a'.repeat(20)}!`, '[secret]!'],
    ['{"said": "Bearer abc\\"}"}', '{"said": "Bearer [secret]\\"}"}'],
    [
      'https://s/x?X-Amz-Signature=1f&a=2&Signature=ab~',
      'https://s/x?X-Amz-Signature=[secret]&a=2&Signature=[secret]',
    ],
    ['hf_short and a tokenizer', 'hf_short and a tokenizer'],
  ])('makes of %j %j', (text, clean) => {
    expect(redact(text)).toBe(clean);
    expect(redact(clean)).toBe(clean);
  });
});
