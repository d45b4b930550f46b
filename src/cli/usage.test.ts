import { describe, expect, it } from 'vitest';
import { parseArguments } from './parse.ts';
import type { Request } from './program.ts';

interface Parsed {
  readonly request: Request | undefined;
  readonly out: string;
  readonly err: string;
}

async function parse(line: string | readonly string[]): Promise<Parsed> {
  const argv = typeof line === 'string' ? line.split(' ') : line;
  const printed = { out: '', err: '' };
  const request = await parseArguments(argv, {
    out: (text) => (printed.out += text),
    err: (text) => (printed.err += text),
    interactive: false,
    colored: false,
  });
  return { request, ...printed };
}

describe('a command line', () => {
  it('converts with sensible choices', async () => {
    expect((await parse('convert source')).request).toEqual({
      command: 'convert',
      source: 'source',
      flags: { task: 'auto', dtype: ['fp32'], target: 'onnxruntime', numLogitsToKeep: true },
    });
  });

  it('converts with every choice', async () => {
    const { request } = await parse(
      'convert source -o out --task feature-extraction --dtype fp16,fp32,fp16 --target portable ' +
        '--revision main --verify --golden case --force --single-file --no-num-logits-to-keep ' +
        '--dry-run --json --debug',
    );
    expect(request?.flags).toEqual({
      output: 'out',
      task: 'feature-extraction',
      dtype: ['fp16', 'fp32'],
      target: 'portable',
      revision: 'main',
      verify: true,
      golden: 'case',
      force: true,
      singleFile: true,
      numLogitsToKeep: false,
      dryRun: true,
      json: true,
      debug: true,
    });
  });

  it('verifies with every choice', async () => {
    const { request } = await parse(
      'verify dir --golden case --runtime reference --dtype fp16 --gate kl=0.01 --gate top1=1 ' +
        '--junit file.xml --no-record --json',
    );
    expect(request).toEqual({
      command: 'verify',
      folder: 'dir',
      flags: {
        golden: 'case',
        runtime: 'reference',
        dtype: ['fp16'],
        gate: ['kl=0.01', 'top1=1'],
        junit: 'file.xml',
        record: false,
        json: true,
      },
    });
  });

  it.each([
    [[], 'USAGE', /a command is missing: see modernbert-onnx --help/],
    [['transmogrify'], 'USAGE', /unknown command 'transmogrify': see modernbert-onnx --help/],
    [
      ['convert'],
      'USAGE',
      /missing required argument 'source': see modernbert-onnx convert --help/,
    ],
    [['convert', 'a', 'b'], 'USAGE', /too many arguments/],
    [['convert', 'a', '--forse'], 'USAGE', /unknown option '--forse' \(Did you mean --force\?\)/],
    [['convert', 'a', '--dtype', 'int3'], 'USAGE', /'int3' is invalid.*Allowed are fp32 and fp16/],
    [['convert', 'a', '--task', 'fill-mask'], 'USAGE', /Allowed choices are auto, text-gen/],
    [['convert', 'a', '-o'], 'USAGE', /argument missing/],
    [['verify', 'a', '--runtime', 'cuda'], 'USAGE', /Allowed choices are auto, webgpu/],
    [['convert', 'a', '--dtype', 'fp32,q4'], 'UNSUPPORTED_OPTION', /no quantized models/],
  ])('%j is refused in one line', async (argv, code, message) => {
    const error: unknown = await parse(argv).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('\n');
  });

  it('prints the version', async () => {
    expect(await parse('--version')).toMatchObject({ request: undefined, out: '0.1.0\n', err: '' });
  });
});

describe('help', () => {
  it.each([
    ['the program', ['--help']],
    ['convert', ['convert', '--help']],
    ['verify', ['verify', '--help']],
    ['inspect', ['inspect', '--help']],
  ])('of %s says all there is', async (_, argv) => {
    const { request, out, err } = await parse(argv);
    expect([request, err]).toEqual([undefined, '']);
    expect(out).toMatchSnapshot();
  });
});
