// Sharded checkpoints whose index lies, and whose shards are missing, cut, swapped or strangers.

import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyOf, editText, editWeights, rename, tensorsIn } from './checkpoint-copy.ts';
import { errorLine } from './command.ts';
import { convertHere, expectAccepted, type Refusal, testRefusals } from './refusal.ts';

const from = 'clm-biases-untied';
const index = 'model.safetensors.index.json';
const shard = (number: number): string =>
  `model-${String(number).padStart(5, '0')}-of-00010.safetensors`;

/** Changes the index's map from tensors to shards. */
function editMap(folder: string, change: (map: Record<string, string>) => void): void {
  editText(folder, index, (text) => {
    const parsed = JSON.parse(text) as { weight_map: Record<string, string> };
    change(parsed.weight_map);
    return JSON.stringify(parsed);
  });
}

const replaced = (text: string) => (folder: string) => writeFileSync(join(folder, shard(3)), text);

describe('an index', () => {
  const names = ['../x', '/etc/x', 'C:x', 'C:\\x', '..\\x', '%2e%2e/x', 'sub/x', '.x', 'x\u0000'];
  const cases: readonly (Omit<Refusal, 'what' | 'status' | 'from'> & { readonly what: string })[] =
    [
      {
        what: 'that is empty is refused',
        damage: (folder) => writeFileSync(join(folder, index), ''),
        code: 'INDEX_INVALID',
        says: [`file=${index}`],
      },
      {
        what: 'that is cut off is refused',
        damage: (folder) => editText(folder, index, (text) => text.slice(0, 500)),
        code: 'INDEX_INVALID',
        says: [`file=${index}`, 'line='],
        command: true,
      },
      {
        what: 'that lists a tensor twice is refused',
        damage: (folder) =>
          editText(folder, index, (text) =>
            text.replace('"weight_map": {', `$& "decoder.bias": "${shard(1)}",`),
          ),
        code: 'INDEX_INVALID',
        says: ['key=decoder.bias'],
        command: true,
      },
      {
        what: 'of 10,001 shards is refused',
        damage: (folder) =>
          editMap(folder, (map) => {
            for (let i = 0; i < 10_001; i++) map[`t${i}`] = `${i}.safetensors`;
          }),
        code: 'INDEX_INVALID',
        says: ['more than 10000 shards'],
      },
      {
        what: 'that lists shards of torch is refused',
        damage: (folder) => editMap(folder, (map) => (map['decoder.bias'] = 'pytorch_model.bin')),
        code: 'INDEX_SHARD_NAME',
        says: ['shard=pytorch_model.bin'],
      },
      ...names.map((name) => ({
        what: `that leads to ${JSON.stringify(name)} is refused`,
        damage: (folder: string) =>
          editMap(folder, (map) => (map['decoder.bias'] = `${name}.safetensors`)),
        code: 'INDEX_SHARD_NAME' as const,
        says: ['the name of a shard is not that of a plain file', 'shard='],
        ...(name === '../x' && { command: true as const }),
      })),
      {
        what: 'that lists a tensor which no shard has is refused',
        damage: (folder) => editMap(folder, (map) => (map['extra'] = shard(2))),
        code: 'INDEX_MISMATCH',
        says: ['tensor=extra', `shard=${shard(2)}`],
      },
      {
        what: 'that leaves out a tensor is refused',
        damage: (folder) => editMap(folder, (map) => delete map['decoder.bias']),
        code: 'INDEX_MISMATCH',
        says: ['tensor=decoder.bias', 'does not list'],
      },
    ];
  testRefusals(cases.map((one) => ({ ...one, from, status: 65 })));

  test('of more than 250 MB is refused unread', async () => {
    const folder = copyOf(from);
    truncateSync(join(folder, index), 250_000_001);
    const ran = await convertHere([folder, '-o', join(dirname(folder), 'out')]);
    expect([ran.status, errorLine(ran)]).toEqual([
      65,
      expect.stringMatching(/^error\[FILE_TOO_LARGE\]: .*size=250000001/),
    ]);
    expect(readdirSync(dirname(folder))).toEqual(['checkpoint']);
  });

  test('that is missing is looked for', async () => {
    const folder = copyOf(from);
    rmSync(join(folder, index));
    const ran = await convertHere([folder, '-o', join(dirname(folder), 'out')]);
    expect([ran.status, errorLine(ran)]).toEqual([66, expect.stringContaining(index)]);
  });
});

describe('a shard', () => {
  testRefusals(
    [
      {
        what: 'that is missing is named',
        damage: (folder: string) => rmSync(join(folder, shard(3))),
        status: 66,
        code: 'SHARD_MISSING' as const,
        says: [`shard=${shard(3)}`, index],
        command: true as const,
      },
      {
        what: 'that is a link to nothing is named',
        damage: (folder: string) => {
          rmSync(join(folder, shard(3)));
          symlinkSync('../../blobs/gone', join(folder, shard(3)));
        },
        status: 66,
        code: 'INPUT_MISSING' as const,
        says: [`file=${shard(3)}`, 'a link'],
      },
    ].map((one) => ({ ...one, from })),
  );
  const cases: readonly Omit<Refusal, 'status' | 'from'>[] = [
    {
      what: 'that lacks its last byte is refused',
      damage: (folder) => {
        const path = join(folder, shard(3));
        truncateSync(path, statSync(path).size - 1);
      },
      code: 'ST_FILE_SIZE',
      says: [`file=${shard(3)}`],
      command: true,
    },
    {
      what: 'with a byte more is refused',
      damage: (folder) => appendFileSync(join(folder, shard(3)), 'x'),
      code: 'ST_FILE_SIZE',
      says: [`file=${shard(3)}`],
    },
    {
      what: 'that is empty is refused',
      damage: replaced(''),
      code: 'ST_HEADER_TOO_SMALL',
      says: [`file=${shard(3)}`, 'an empty file'],
    },
    {
      what: 'that is a git-lfs pointer is refused',
      damage: replaced('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
      code: 'ST_HEADER_TOO_LARGE',
      says: [`file=${shard(3)}`, 'git lfs pull'],
    },
    {
      what: 'that is a folder is refused',
      damage: (folder) => {
        rmSync(join(folder, shard(3)));
        mkdirSync(join(folder, shard(3)));
      },
      code: 'FILE_KIND',
      says: [`file=${shard(3)}`, 'a folder'],
    },
    {
      what: 'in the place of another is refused',
      damage: (folder) => {
        const [three, four, away] = [shard(3), shard(4), 'x'].map((name) => join(folder, name));
        renameSync(three ?? '', away ?? '');
        renameSync(four ?? '', three ?? '');
        renameSync(away ?? '', four ?? '');
      },
      code: 'INDEX_MISMATCH',
      says: [`shard=${shard(3)}`, 'another shard than the index says'],
    },
    {
      what: 'that repeats another is refused',
      damage: (folder) => copyFileSync(join(folder, shard(3)), join(folder, shard(4))),
      code: 'INDEX_MISMATCH',
      says: [shard(3), shard(4), 'tensor='],
    },
    {
      what: 'with a tensor of another shard is refused',
      damage: async (folder) => {
        const [bias] = (await tensorsIn(folder, shard(1))).values();
        await editWeights(folder, (into) => bias && into.set('decoder.bias', bias), shard(4));
      },
      code: 'INDEX_MISMATCH',
      says: ['tensor=decoder.bias'],
    },
    {
      what: 'with a tensor renamed is refused',
      damage: (folder) =>
        editWeights(folder, (tensors) => rename(tensors, (name) => name.toUpperCase()), shard(4)),
      code: 'INDEX_MISMATCH',
      says: ['tensor=MODEL.', `shard=${shard(4)}`],
    },
  ];
  testRefusals(cases.map((one) => ({ ...one, from, status: 65 })));

  test('that the index does not know is passed over and said', async () => {
    const folder = copyOf(from);
    copyFileSync(join(folder, shard(3)), join(folder, 'model-00011-of-00011.safetensors'));
    const { warnings } = await expectAccepted(folder);
    expect(warnings).toEqual([
      expect.stringMatching(/are passed over: model-00011-of-00011\.safetensors$/),
    ]);
  });

  test('may be a link, as in the cache of the Hub', async () => {
    const folder = copyOf(from);
    mkdirSync(join(dirname(folder), 'blobs'));
    renameSync(join(folder, shard(3)), join(dirname(folder), 'blobs/0'));
    symlinkSync('../blobs/0', join(folder, shard(3)));
    const { manifest, warnings } = await expectAccepted(folder);
    expect(warnings).toEqual([]);
    expect(manifest.inputs.map(({ path }) => path)).toContain(shard(3));
  });
});
