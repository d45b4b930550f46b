import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Manifest, printManifest } from '../base/manifest.ts';
import { fetchOutput, hubAddress } from './remote-output.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';

function written(path: string, size: number): Manifest['outputs'][number] {
  return { path, size, sha256: '0'.repeat(64) };
}

const manifest: Manifest = {
  schemaVersion: 1,
  tool: { name: 'modernbert-onnx', version: '0.1.0' },
  task: 'text-generation',
  target: 'portable',
  dtypes: ['fp32'],
  inputs: [],
  outputs: [written('config.json', 2), written('onnx/model.onnx', 3)],
  weights: { parameters: 1, unused: [], nonFinite: [] },
  warnings: [],
  verifications: [],
};

/** Stands in for the network; gives the addresses that were asked for. */
function network(answer: (url: string) => Response): readonly string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return answer(url);
  });
  return asked;
}

function ofRepository(headers: Readonly<Record<string, string>>): (url: string) => Response {
  return (url) =>
    url.endsWith('/modernbert-onnx.json')
      ? new Response(Uint8Array.from(printManifest(manifest)), { headers })
      : new Response('{}', { status: 206, headers: { 'content-range': 'bytes 0-1/2' } });
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a folder on a server', () => {
  test('has the files of its manifest, and asks for none before it is read', async () => {
    const asked = network(ofRepository({}));
    const { root, models } = await fetchOutput('https://example.org/a%20b?x=1');
    expect(root.name).toBe('a b');
    expect(await root.list()).toEqual(['config.json', 'modernbert-onnx.json']);
    expect(await models.list()).toEqual(['model.onnx']);
    expect((await models.open('model.onnx'))?.size).toBe(3);
    expect(await root.open('tokenizer.json')).toBeUndefined();
    expect(asked).toEqual(['https://example.org/a%20b/modernbert-onnx.json']);
    const config = await root.open('config.json');
    expect(await config?.read(0, 2)).toEqual(new TextEncoder().encode('{}'));
    expect(asked[1]).toBe('https://example.org/a%20b/config.json');
  });

  test('of the Hub stays at the commit that its manifest came from', async () => {
    const asked = network(ofRepository({ 'x-repo-commit': commit }));
    const { root } = await fetchOutput(hubAddress('owner/name', 'refs/pr/1'));
    await (await root.open('config.json'))?.read(0, 2);
    expect(root.name).toBe('name');
    expect(asked).toEqual([
      'https://huggingface.co/owner/name/resolve/refs%2Fpr%2F1/modernbert-onnx.json',
      `https://huggingface.co/owner/name/resolve/${commit}/config.json`,
    ]);
  });

  test('of another server is not led elsewhere by what the server calls a commit', async () => {
    const asked = network(ofRepository({ 'x-repo-commit': '../..' }));
    for (const address of ['https://example.org/resolve/main/', hubAddress('owner/name')]) {
      const { root } = await fetchOutput(address);
      await (await root.open('config.json'))?.read(0, 2);
    }
    expect(asked.filter((url) => url.endsWith('config.json'))).toEqual([
      'https://example.org/resolve/main/config.json',
      'https://huggingface.co/owner/name/resolve/main/config.json',
    ]);
  });

  test('is named as its address is written', async () => {
    network(ofRepository({}));
    const names = ['my%20models', '%zz'].map(async (part) => {
      return (await fetchOutput(`https://example.org/${part}/`)).root.name;
    });
    expect(await Promise.all(names)).toEqual(['my models', '%zz']);
  });

  test('that cannot be reached, or is none, is an error at once', async () => {
    const asked = network(() => {
      throw new TypeError('Failed to fetch');
    });
    await expect(fetchOutput('https://example.org/')).rejects.toMatchObject({
      code: 'IO_FAILED',
      where: { url: 'https://example.org/modernbert-onnx.json', cause: 'Failed to fetch' },
    });
    expect(asked).toHaveLength(1);
    await expect(fetchOutput('models/mine')).rejects.toMatchObject({ code: 'USAGE' });
    network(() => new Response('<!doctype html>'));
    await expect(fetchOutput('https://example.org/')).rejects.toMatchObject({
      code: 'JSON_SYNTAX',
    });
  });

  test('has a manifest of no more than a manifest can be', async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1e6)),
    });
    network(() => new Response(endless));
    await expect(fetchOutput('https://example.org/')).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
    });
  });
});

test.each(['name', 'a/b/c', '../b', 'a/..', 'https://example.org'])(
  '%j is no repository of the Hub',
  (id) => {
    expect(() => hubAddress(id)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  },
);
