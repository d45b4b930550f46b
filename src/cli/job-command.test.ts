import { describe, expect, it } from 'vitest';
import { tool } from '../base/version.ts';
import type { ConvertRequest } from './convert-grammar.ts';
import { jobCommand, jobRequest } from './job-command.ts';
import { parseArguments } from './parse.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const goal = { repository: 'me/model-onnx', revision: 'main' };
const source = { source: 'some/model', commit, goal };
const place = { namespace: 'me', flavor: 'cpu-upgrade', endpoint: 'https://huggingface.co' };

async function parse(words: readonly string[]): Promise<ConvertRequest> {
  const silent = { out: () => undefined, err: () => undefined, interactive: false, colored: false };
  return (await parseArguments(words, silent)) as ConvertRequest;
}

const convert = async (line: string): Promise<ConvertRequest> =>
  await parse(
    `convert some/model --jobs cpu-upgrade --push-to me/model-onnx ${line}`.trim().split(' '),
  );

describe('the command of a job', () => {
  it('is this version of this tool, with the options of the command line', async () => {
    const { flags } = await convert('--revision main --dtype fp32,q4 --keep embeddings=q8 --json');
    expect(jobCommand(source, flags).join(' ')).toBe(
      `npx --yes --package ${tool.name}@${tool.version} --package onnxruntime-node ` +
        `modernbert-onnx convert some/model --revision ${commit} --task auto --dtype fp32,q4 --target onnxruntime --method rtn ` +
        '--block-size 32 --symmetry auto --accuracy-level 4 --keep embeddings=q8 ' +
        '--push-to me/model-onnx',
    );
  });

  it.each([
    '',
    '--task feature-extraction --dtype fp16,q8 --target portable --single-file --verify --debug',
    '--dtype q4 --method gptq --block-size 64 --symmetry asymmetric --accuracy-level 0',
    '--dtype q4 --keep layers.*.mlp.Wi=fp16 --keep q4:head=q8 --private',
    '--strict-fp16 --no-num-logits-to-keep',
    '--no-fp16-check --json --force --revision main',
  ])('means in the job what %j means here', async (line) => {
    const { flags } = await convert(line);
    const words = jobCommand(source, flags);
    const inside = await parse(words.slice(words.indexOf('modernbert-onnx') + 1));
    const { jobs: _jobs, json: _json, force: _force, ...shaping } = flags;
    expect(inside).toEqual({
      command: 'convert',
      source: 'some/model',
      flags: { ...shaping, revision: commit },
    });
  });

  it('names the branch where that is pushed to the branch of its name', async () => {
    const { flags } = await convert('');
    const branch = { ...source, goal: { ...goal, revision: 'step1000' } };
    const words = jobCommand(branch, flags);
    const inside = await parse(words.slice(words.indexOf('modernbert-onnx') + 1));
    expect(inside).toMatchObject({
      many: { source: 'some/model', revisions: ['step1000'] },
      flags: { output: 'converted', pushTo: 'me/model-onnx' },
    });
  });
});

describe('the labels of a job', () => {
  const requestLabel = async (line: string, more = {}): Promise<string | undefined> => {
    const { flags } = await convert(line);
    const { labels, key } = jobRequest({ ...source, ...more }, flags, place);
    return labels[key];
  };

  it('have only characters that the Hub takes', async () => {
    const { flags } = await convert('');
    const long = { ...source, source: `some/model.v1.${'x'.repeat(90)}` };
    const { labels } = jobRequest(long, flags, place);
    for (const text of Object.entries(labels).flat()) expect(text).toMatch(/^[\w-]{1,63}$/);
  });

  it('are those of the same conversion whatever machine it runs on', async () => {
    const { flags } = await convert('--force --json');
    const large = jobRequest(source, flags, { ...place, flavor: 'cpu-xl' });
    expect(large.labels[large.key]).toBe(await requestLabel(''));
  });

  it('tell conversions apart', async () => {
    const labels = await Promise.all([
      requestLabel(''),
      requestLabel('--dtype fp16'),
      requestLabel('', { commit: commit.replaceAll('0', 'f') }),
      requestLabel('', { goal: { ...goal, repository: 'me/other' } }),
      requestLabel('', { goal: { ...goal, revision: 'step1000' } }),
      requestLabel('', { source: 'other/model' }),
    ]);
    expect(new Set(labels).size).toBe(labels.length);
  });
});

it('a job of another Hub talks to that one', async () => {
  const { flags } = await convert('');
  const { environment } = jobRequest(source, flags, { ...place, endpoint: 'https://hub.firm' });
  expect(environment).toMatchObject({ HF_ENDPOINT: 'https://hub.firm' });
  expect(jobRequest(source, flags, place).environment).not.toHaveProperty('HF_ENDPOINT');
});
