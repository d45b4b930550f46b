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
      flags: {
        task: 'auto',
        dtype: ['fp32'],
        target: 'onnxruntime',
        method: 'rtn',
        blockSize: 32,
        symmetry: 'auto',
        accuracyLevel: 4,
        numLogitsToKeep: true,
        fp16Check: true,
      },
    });
  });

  it('converts with every choice', async () => {
    const { request } = await parse(
      'convert source -o out --task feature-extraction --dtype fp16,q4,fp16 --target portable ' +
        '--method gptq --calibration text --block-size 128 --symmetry asymmetric ' +
        '--accuracy-level 0 ' +
        '--revision main --verify --golden case --force --single-file --no-num-logits-to-keep ' +
        '--strict-fp16 --push-to me/repo --private --dry-run --json --debug',
    );
    expect(request?.flags).toEqual({
      output: 'out',
      task: 'feature-extraction',
      dtype: ['fp16', 'q4'],
      target: 'portable',
      method: 'gptq',
      calibration: 'text',
      blockSize: 128,
      symmetry: 'asymmetric',
      accuracyLevel: 0,
      revision: 'main',
      verify: true,
      golden: 'case',
      force: true,
      singleFile: true,
      numLogitsToKeep: false,
      fp16Check: true,
      strictFp16: true,
      pushTo: 'me/repo',
      private: true,
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

  it('generates with every choice', async () => {
    const { request } = await parse([
      ...'generate dir --max-new-tokens 80 --max-length 90 --do-sample --temperature 0.8'.split(
        ' ',
      ),
      ...'--top-k 0 --top-p 0.9 --min-p 0.1 --repetition-penalty 1.1 --seed 7'.split(' '),
      ...'--num-return-sequences 2 --dtype fp16 --runtime reference --json'.split(' '),
      '--stop',
      'A B',
      ...'--stop C --'.split(' '),
      'a prompt',
      '--another',
    ]);
    expect(request).toEqual({
      command: 'generate',
      folder: 'dir',
      prompts: ['a prompt', '--another'],
      flags: {
        maxNewTokens: 80,
        maxLength: 90,
        doSample: true,
        temperature: 0.8,
        topK: 0,
        topP: 0.9,
        minP: 0.1,
        repetitionPenalty: 1.1,
        seed: 7,
        numReturnSequences: 2,
        dtype: 'fp16',
        runtime: 'reference',
        stop: ['A B', 'C'],
        json: true,
      },
    });
    const greedy = await parse('generate dir --no-do-sample');
    expect(greedy.request?.flags).toEqual({ doSample: false, runtime: 'auto' });
    expect((await parse('generate dir')).request?.flags).toEqual({ runtime: 'auto' });
  });

  it('classifies with every choice', async () => {
    const { request } = await parse('classify dir one two --top 1 --dtype fp32 --runtime webgpu');
    expect(request).toEqual({
      command: 'classify',
      folder: 'dir',
      texts: ['one', 'two'],
      flags: { top: 1, dtype: 'fp32', runtime: 'webgpu' },
    });
  });

  it('measures with every choice', async () => {
    const { request } = await parse([
      ...'bench dir --quick --prefill 128,512 --dtype fp16 --vs onnxruntime'.split(' '),
      ...'--vs-folder other --runtime webgpu --json --decode'.split(' '),
      '',
    ]);
    expect(request).toEqual({
      command: 'bench',
      folder: 'dir',
      flags: {
        quick: true,
        prefill: [128, 512],
        decode: [],
        dtype: 'fp16',
        vs: 'onnxruntime',
        vsFolder: 'other',
        runtime: 'webgpu',
        json: true,
      },
    });
    expect((await parse('bench dir')).request?.flags).toEqual({ runtime: 'webgpu' });
  });

  it('compares with every choice', async () => {
    const { request } = await parse(
      'compare dir --text file.txt --dtype q4,fp16 --runtime onnxruntime --window 64 --tokens 640 ' +
        '--html page.html --no-record --json',
    );
    expect(request).toEqual({
      command: 'compare',
      folder: 'dir',
      flags: {
        text: 'file.txt',
        dtype: ['q4', 'fp16'],
        runtime: 'onnxruntime',
        window: 64,
        tokens: 640,
        html: 'page.html',
        record: false,
        json: true,
      },
    });
    expect((await parse('compare dir --text file.txt')).request?.flags).toEqual({
      text: 'file.txt',
      record: true,
      runtime: 'auto',
      window: 256,
    });
  });

  it('pushes with every choice', async () => {
    const { request } = await parse([
      ...'push dir me/repo --private --create-pr --revision v1 --unverified --dry-run'.split(' '),
      '--message',
      'Two words',
    ]);
    expect(request).toEqual({
      command: 'push',
      folder: 'dir',
      repository: 'me/repo',
      flags: {
        private: true,
        createPr: true,
        revision: 'v1',
        message: 'Two words',
        unverified: true,
        dryRun: true,
      },
    });
    expect((await parse('push dir me/repo')).request?.flags).toEqual({ revision: 'main' });
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
    [
      ['convert', 'a', '--dtype', 'int3'],
      'USAGE',
      /'int3' is invalid.*Allowed are fp32, fp16, q8, q4, q4f16/,
    ],
    [['convert', 'a', '--task', 'fill-mask'], 'USAGE', /Allowed choices are auto, text-gen/],
    [['convert', 'a', '-o'], 'USAGE', /argument missing/],
    [['convert', 'a', '--push-to', 'b/c', '--offline'], 'USAGE', /--push-to needs a connection/],
    [['convert', 'a', '--private'], 'USAGE', /--private is for --push-to/],
    [['verify', 'a', '--runtime', 'cuda'], 'USAGE', /Allowed choices are auto, webgpu/],
    [['generate'], 'USAGE', /missing required argument 'dir': see modernbert-onnx generate --help/],
    [['generate', 'a', '--seed', ''], 'USAGE', /Expected is a whole number of 0 or more/],
    [['classify', 'a', '--top', '0'], 'USAGE', /Expected is a whole number of 1 or more/],
    [
      ['compare', 'a'],
      'USAGE',
      /required option '--text <file>' not specified: see .* compare --h/,
    ],
    [['compare', 'a', '--text', 'b', '--window', '1'], 'USAGE', /Expected is a whole number of 2/],
    [
      ['convert', 'a', '--method', 'awq'],
      'USAGE',
      /'awq' is invalid. Allowed choices are rtn, gptq/,
    ],
    [['convert', 'a', '--block-size', '48'], 'USAGE', /Expected is a power of two from 16 to 128/],
    [['convert', 'a', '--block-size', '256'], 'USAGE', /Expected is a power of two from 16 to 128/],
    [['convert', 'a', '--accuracy-level', '5'], 'USAGE', /Expected is a whole number from 0 to 4/],
    [
      ['convert', 'a', '--method', 'gptq'],
      'USAGE',
      /rounds q8, q4 and q4f16, and --dtype names none/,
    ],
    [
      ['convert', 'a', '--dtype', 'fp16', '--strict-fp16', '--no-fp16-check'],
      'USAGE',
      /--no-fp16-check does not look for/,
    ],
    [['convert', 'a', '--symmetry', 'no'], 'USAGE', /Allowed choices are auto, symmetric, asymm/],
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
    ['generate', ['generate', '--help']],
    ['classify', ['classify', '--help']],
    ['compare', ['compare', '--help']],
    ['bench', ['bench', '--help']],
    ['push', ['push', '--help']],
  ])('of %s says all there is', async (_, argv) => {
    const { request, out, err } = await parse(argv);
    expect([request, err]).toEqual([undefined, '']);
    expect(out).toMatchSnapshot();
  });
});
