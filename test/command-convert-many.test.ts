// The built command converting a list of checkpoints in one process.

import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine, noGpu, type Ran } from './command.ts';
import { mockHub } from './hub/mock-hub.ts';
import { temporaryFolder, treeOf } from './tree.ts';

const model = caseFolder('clm-default');

interface Entry {
  readonly name: string;
  readonly status: string;
}

const entriesOf = (ran: Ran): readonly Entry[] =>
  documentOf(ran)['conversions'] as readonly Entry[];

const statuses = (ran: Ran): readonly string[] =>
  entriesOf(ran).map(({ name, status }) => `${name} ${status}`);

/** A folder with two checkpoints, `one` and `two`, and a list of them and one that is not there. */
function place(): { readonly cwd: string; readonly convert: (...args: string[]) => Promise<Ran> } {
  const cwd = temporaryFolder();
  cpSync(model, join(cwd, 'one'), { recursive: true });
  cpSync(caseFolder('base-model'), join(cwd, 'two'), { recursive: true });
  writeFileSync(join(cwd, 'list.txt'), '# checkpoints\none\n./nowhere\n./two # features\n');
  const convert = (...args: string[]): Promise<Ran> =>
    command(['convert', '-o', 'out', ...args], { cwd, env: noGpu });
  return { cwd, convert };
}

describe('convert --sources', () => {
  it('goes on after a failure, sums up, and does what is left when run again', async () => {
    const { cwd, convert } = place();
    const first = await convert('--sources', 'list.txt', '--verify');
    expect(first.status).toBe(66);
    expect(errorLine(first)).toMatch(/^error\[INPUT_MISSING\]/);
    expect(first.stdout).toMatch(/ fp32 +worst KL +parity +time +status\n/);
    expect(first.stdout).toMatch(/one +\S+ .B +\d\S+ +pass +\S+ s +converted\n/);
    expect(first.stdout).toMatch(/nowhere .* failed \(INPUT_MISSING\)\n/);
    expect(first.stdout).toMatch(/2 converted, 1 failed\n$/);

    cpSync(join(cwd, 'two'), join(cwd, 'nowhere'), { recursive: true });
    const written = statSync(join(cwd, 'out/one/modernbert-onnx.json')).mtimeMs;
    const again = await convert('--sources', 'list.txt', '--verify', '--json');
    expect(again.status).toBe(0);
    expect(statuses(again)).toEqual(['one done', 'nowhere converted', 'two done']);
    expect(statSync(join(cwd, 'out/one/modernbert-onnx.json')).mtimeMs).toBe(written);
  });

  it('does not take an output for done that is of other options, another input, or not whole', async () => {
    const { cwd, convert } = place();
    writeFileSync(join(cwd, 'list.txt'), 'one\ntwo\n');
    await convert('--sources', 'list.txt');
    const other = await convert('--sources', 'list.txt', '--no-num-logits-to-keep', '--json');
    expect(other.status).toBe(73);
    expect(statuses(other)).toEqual(['one failed', 'two failed']);

    rmSync(join(cwd, 'out/one/onnx/model.onnx'));
    const config = join(cwd, 'two/config.json');
    writeFileSync(config, `${readFileSync(config, 'utf8')}\n`);
    const mended = await convert('--sources', 'list.txt', '--force', '--json');
    expect(statuses(mended)).toEqual(['one converted', 'two converted']);
    const done = await convert('--sources', 'list.txt', '--json');
    expect(statuses(done)).toEqual(['one done', 'two done']);
  });

  it('reads the list from stdin, and exits with 1 where models drifted and nothing else', async () => {
    const { cwd } = place();
    const args = ['convert', '--sources', '-', '-o', 'out', '--golden', caseFolder('clm-bf16')];
    const ran = await command([...args, '--json'], { cwd, env: noGpu, input: 'one\n' });
    expect([ran.status, statuses(ran)]).toEqual([1, ['one drifted']]);
    expect(documentOf(ran)['status']).toBe('fail');
  });

  it('is continued by the next run where it was killed', async () => {
    const { cwd, convert } = place();
    writeFileSync(join(cwd, 'list.txt'), 'one\n');
    await convert('--sources', 'list.txt');
    writeFileSync(join(cwd, 'list.txt'), 'one\ntwo\n');
    const ran = await command(['convert', '--sources', 'list.txt', '-o', 'out'], {
      cwd,
      env: { ...noGpu, MODERNBERT_ONNX_FAILPOINT: 'publish' },
    });
    expect(ran.status).toBe(null);
    const resumed = await convert('--sources', 'list.txt', '--json');
    expect([resumed.status, statuses(resumed)]).toEqual([0, ['one done', 'two converted']]);
    expect(Object.keys(treeOf(join(cwd, 'out'))).filter((path) => path.startsWith('.'))).toEqual(
      [],
    );
  });

  it.each([
    [['one', '--sources', 'list.txt'], 'a source is given, and --sources too'],
    [['one', '--revision', 'a', '--revisions', 'b'], 'only one can be given'],
    [['--sources', 'list.txt', '--dry-run'], '--dry-run is for one source'],
  ])('refuses %j', async (args, says) => {
    const ran = await place().convert(...args);
    expect(ran.status).toBe(2);
    expect(errorLine(ran)).toContain(says);
  });
});

describe('convert --revisions', () => {
  it('converts each revision of a repository to a folder of its own, once', async () => {
    const cwd = temporaryFolder();
    const names = ['config.json', 'model.safetensors'];
    const files = names.map((name) => [name, new Uint8Array(readFileSync(join(model, name)))]);
    const hub = await mockHub(Object.fromEntries(files) as Record<string, Uint8Array>);
    const env = { ...noGpu, HF_ENDPOINT: hub.endpoint, HF_HOME: join(cwd, 'hf') };
    const args = ['convert', 'some/model', '--revisions', 'v1,main,gone', '-o', 'out', '--json'];
    const first = await command(args, { cwd, env });
    expect([first.status, statuses(first)]).toEqual([
      66,
      ['model@v1 converted', 'model@main converted', 'model@gone failed'],
    ]);
    const again = await command(args, { cwd, env });
    expect(statuses(again)).toEqual(['model@v1 done', 'model@main done', 'model@gone failed']);
  });
});
