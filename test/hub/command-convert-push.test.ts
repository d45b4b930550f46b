// Conversions that publish what they wrote: one source, whose folder stays, and many, whose outputs
// are removed when they are published.

import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseFolder, command, documentOf, errorLine, noGpu, type Ran } from '../command.ts';
import { temporaryFolder } from '../tree.ts';
import { commitCount, type Spoiled, type Step, type UploadHub, uploadHub } from './mock-upload.ts';
import { token } from './upload.ts';

const model = caseFolder('clm-default');

interface Place {
  readonly cwd: string;
  readonly convert: (...args: readonly string[]) => Promise<Ran>;
}

/** A folder with the checkpoints `one` and `two`, and the command in it. */
function place(hub: UploadHub, onStart?: (child: ChildProcess) => void): Place {
  const cwd = temporaryFolder();
  for (const name of ['one', 'two']) cpSync(model, join(cwd, name), { recursive: true });
  writeFileSync(join(cwd, 'list.txt'), 'one\ntwo\n');
  const env = {
    ...noGpu,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: join(cwd, 'hf'),
    HF_TOKEN: token,
    HF_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
  };
  const convert = (...args: readonly string[]): Promise<Ran> =>
    command(['convert', ...args, '--golden', model, '-o', 'out'], {
      cwd,
      env,
      ...(onStart && { onStart }),
    });
  return { cwd, convert };
}

const statuses = (ran: Ran): readonly string[] =>
  (documentOf(ran)['conversions'] as readonly { name: string; status: string }[]).map(
    ({ name, status }) => `${name} ${status}`,
  );

describe('convert --push-to', () => {
  it('verifies, publishes, and leaves the folder', async () => {
    const hub = await uploadHub();
    const { cwd, convert } = place(hub);
    const ran = await convert('one', '--push-to', 'me/ettin', '--private');
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(
      /Converted one [^]* to out\n[^]*\nPushed \d+ files, .* to me\/ettin/,
    );
    expect(hub.repositories.get('me/ettin')?.isPrivate).toBe(true);
    const files = hub.files('me/ettin');
    expect(Object.keys(files)).toContain('onnx/model.onnx_data');
    for (const [path, bytes] of Object.entries(files)) {
      if (path === 'README.md') continue;
      expect(Buffer.compare(bytes, readFileSync(join(cwd, 'out', path)))).toBe(0);
    }
  });

  it('converts nothing where nothing could be pushed', async () => {
    const hub = await uploadHub({ role: 'read' });
    const { cwd, convert } = place(hub);
    const ran = await convert('one', '--push-to', 'me/ettin');
    expect([ran.status, errorLine(ran)]).toEqual([77, expect.stringContaining('may only read')]);
    expect(existsSync(join(cwd, 'out'))).toBe(false);
  });

  it('leaves the folder when the Hub refuses it, and says how to go on', async () => {
    const spoil = (step: Step): Spoiled => (step === 'commit' ? 403 : undefined);
    const hub = await uploadHub({ spoil });
    const { cwd, convert } = place(hub);
    const ran = await convert('one', '--push-to', 'me/ettin');
    expect(ran.status).toBe(77);
    expect(ran.stderr).toContain('modernbert-onnx push out me/ettin goes on from here');
    expect(readdirSync(join(cwd, 'out'))).toContain('modernbert-onnx.json');
  });

  it('says when it is interrupted how to go on, and nothing else', async () => {
    let end = (): void => undefined;
    const hub = await uploadHub({
      spoil: (step): Spoiled => {
        if (step !== 'preupload') return undefined;
        end();
        return 'silence';
      },
    });
    const { convert } = place(hub, (child) => {
      end = () => child.kill('SIGINT');
    });
    const ran = await convert('one', '--push-to', 'me/ettin', '--private');
    expect(ran.status).toBe(130);
    expect(errorLine(ran)).toContain('run modernbert-onnx push out me/ettin --private: what was');
    expect(ran.stderr).not.toContain('note');
  });

  it.each([
    [['one', '--push-to', 'ettin'], 'no name of a repository'],
    [['--sources', 'list.txt', '--push-to', 'me/ettin'], 'write {name}'],
  ])('refuses %j', async (args, says) => {
    const hub = await uploadHub();
    const ran = await place(hub).convert(...args);
    expect([ran.status, errorLine(ran)]).toEqual([2, expect.stringContaining(says)]);
    expect(hub.log).toEqual([]);
  });
});

describe('many conversions with --push-to', () => {
  it('publish each to a repository, remove it, and are not done again', async () => {
    const hub = await uploadHub();
    const { cwd, convert } = place(hub);
    const args = ['--sources', 'list.txt', '--push-to', 'me/{name}-onnx', '--json'];
    const first = await convert(...args);
    expect([first.status, statuses(first)]).toEqual([0, ['one pushed', 'two pushed']]);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['modernbert-onnx-runs.json']);
    expect([...hub.repositories.keys()]).toEqual(['me/one-onnx', 'me/two-onnx']);
    const before = hub.stored();

    const config = join(cwd, 'two/config.json');
    writeFileSync(config, `${readFileSync(config, 'utf8')}\n`);
    const again = await convert(...args);
    expect(statuses(again)).toEqual(['one done', 'two pushed']);
    expect(hub.stored()).toBe(before);
    expect([commitCount(hub, 'me/one-onnx'), commitCount(hub, 'me/two-onnx')]).toEqual([1, 2]);
  });

  it('go on after a push that failed, with what was converted', async () => {
    let fails = true;
    const spoil = (step: Step): Spoiled => (step === 'commit' && fails ? 422 : undefined);
    const hub = await uploadHub({ spoil });
    const { cwd, convert } = place(hub);
    const args = ['--sources', 'list.txt', '--push-to', 'me/{name}', '--json'];
    const first = await convert(...args);
    expect([first.status, statuses(first)]).toEqual([75, ['one failed', 'two failed']]);
    const written = readFileSync(join(cwd, 'out/one/modernbert-onnx.json'));
    const stored = hub.stored();
    fails = false;
    expect(statuses(await convert(...args))).toEqual(['one pushed', 'two pushed']);
    const pushed = hub.files('me/one')['modernbert-onnx.json'] ?? new Uint8Array();
    expect([Buffer.compare(pushed, written), hub.stored()]).toEqual([0, stored]);
  });

  it('publish revisions to branches of their names', async () => {
    const names = ['config.json', 'model.safetensors'];
    const source = Object.fromEntries(
      names.map((name) => [name, new Uint8Array(readFileSync(join(model, name)))]),
    );
    const hub = await uploadHub({ source });
    const { cwd, convert } = place(hub);
    const args = ['some/model', '--revisions', 'v1,main', '--push-to', 'me/ettin', '--json'];
    const first = await convert(...args);
    expect(statuses(first)).toEqual(['model@v1 pushed', 'model@main pushed']);
    for (const branch of ['v1', 'main']) {
      expect(Object.keys(hub.files('me/ettin', branch))).toContain('onnx/model.onnx');
    }
    const again = await convert(...args);
    expect(statuses(again)).toEqual(['model@v1 done', 'model@main done']);
    expect(commitCount(hub, 'me/ettin')).toBe(2);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['modernbert-onnx-runs.json']);
  });
});
