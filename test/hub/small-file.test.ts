import { describe, expect, it } from 'vitest';
import { fetchText } from '../../src/hub/small-file.ts';
import { openHub } from '../../src/hub/request.ts';
import { secret } from './download.ts';
import { commit, json, mockHub, type Fault } from './mock-hub.ts';

const asked = { id: 'some/model', revision: commit, file: 'README.md' };
const card = '---\nlicense: mit\n---\n# Größe';

async function fetched(text: Uint8Array | string, fault?: Fault): Promise<string | undefined> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const { endpoint } = await mockHub({ 'README.md': bytes }, fault);
  const hub = openHub({ endpoint, token: secret, cache: '', offline: false });
  return await fetchText(hub, asked, 100);
}

describe('a text of a repository', () => {
  it('is fetched as it is', async () => {
    expect(await fetched(card)).toBe(card);
    expect(await fetched('')).toBe('');
    expect(await fetched('x'.repeat(100))).toHaveLength(100);
  });

  it('is none where the Hub knows none', async () => {
    const none: Fault = (_request, response) => {
      json(response, 404, { error: 'Entry not found' }, 'EntryNotFound');
      return true;
    };
    expect(await fetched(card, none)).toBeUndefined();
  });

  it.each<readonly [string, Uint8Array | string, string]>([
    ['too large', 'x'.repeat(101), 'FILE_TOO_LARGE'],
    ['no UTF-8', Uint8Array.of(0x4f, 0xe9, 0x0a), 'FILE_KIND'],
  ])('that is %s is refused', async (_name, text, code) => {
    await expect(fetched(text)).rejects.toMatchObject({ code, where: { file: 'README.md' } });
  });

  it('that may not be read is refused', async () => {
    const gated: Fault = (_request, response) => {
      json(response, 403, { error: 'no' }, 'GatedRepo');
      return true;
    };
    await expect(fetched(card, gated)).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
  });
});
