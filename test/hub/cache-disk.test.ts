// The cache on disks that are full or may not be written, and the download that meets them.

import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { command, errorLine, type Ran } from '../command.ts';
import { makeReadOnly, mountDisk } from '../disk.ts';
import { temporaryFolder } from '../tree.ts';
import { config, files, size, spoiled, weights } from './download.ts';
import { hashOf, mockHub, type MockHub } from './mock-hub.ts';

const inspect = async (hub: MockHub, cache: string): Promise<Ran> =>
  await command(['inspect', 'some/model'], {
    env: { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: '', HF_HUB_OFFLINE: '' },
  });
const blobsIn = (cache: string): string => join(cache, 'models--some--model/blobs');

it('a full disk is told before the weights are fetched, with what is needed', async (context) => {
  const disk = mountDisk(context, 'size=2m');
  const hub = await mockHub(files);
  const ran = await inspect(hub, disk);
  expect(ran.status).toBe(74);
  expect(errorLine(ran)).toMatch(
    /^error\[DISK_FULL\]: the disk of the cache has no room for the checkpoint \(needed=3000000, free=2\d{6}\): .*HF_HUB_CACHE/,
  );
  expect(hub.fetches('model.safetensors')).toEqual([]);
  expect(readdirSync(blobsIn(disk))).toEqual([hashOf(config, false)]);
});

it('a disk that does not tell its room is written to', async (context) => {
  const disk = mountDisk(context, 'size=0'); // as much as there is memory
  const hub = await mockHub(files);
  // what is fetched is noise, and no header
  expect((await inspect(hub, disk)).status).toBe(65);
  expect(hub.fetches('model.safetensors')).toHaveLength(1);
});

it('a disk that fills up keeps what arrived, and the next run goes on there', async (context) => {
  const disk = mountDisk(context, 'size=4m');
  const filler = join(disk, 'filler');
  const fill = spoiled((_response, count) => {
    // another program writes meanwhile
    if (count === 1) writeFileSync(filler, randomBytes(2_000_000));
    return false;
  });
  const hub = await mockHub(files, fill);
  const full = await inspect(hub, disk);
  expect(full.status).toBe(74);
  expect(errorLine(full)).toMatch(
    /^error\[DISK_FULL\]: the disk of the cache has no room for the checkpoint \(cache=.*\): .*run again$/,
  );
  const [hash, unfinished = '', ...more] = readdirSync(blobsIn(disk)).toSorted(byLength);
  expect([hash, more]).toEqual([hashOf(config, false), []]);
  expect(unfinished).toMatch(`${hashOf(weights, true)}.`);
  const { size: kept } = statSync(join(blobsIn(disk), unfinished));
  rmSync(filler);
  // what is there need not find room once more; what was fetched is noise, and no header
  expect((await inspect(hub, disk)).status).toBe(65);
  expect(hub.fetches('model.safetensors')[1]?.range).toBe(`bytes=${kept}-`);
  expect(kept).toBeGreaterThan(size / 2);
  expect(readdirSync(blobsIn(disk)).toSorted(byLength)).toEqual([hash, hashOf(weights, true)]);
});

const byLength = (a: string, b: string): number => a.length - b.length;

it('a cache that may not be written is told, with the variable that names another', async (context) => {
  const disk = mountDisk(context, 'size=1m');
  makeReadOnly(disk);
  const below = join(temporaryFolder(), 'file');
  writeFileSync(below, '');
  for (const cache of [disk, join(below, 'cache')]) {
    const ran = await inspect(await mockHub(files), cache);
    expect(ran.status).toBe(73);
    expect(errorLine(ran)).toMatch(
      /^error\[OUTPUT_CREATE\]: the cache of the Hub may not be written \(cache=.*, error=E.*\): set HF_HUB_CACHE/,
    );
  }
});
