// The grammar of `bench`.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { WeightFormat } from '../base/manifest.ts';
import type { CommonFlags } from './command.ts';
import { common, parseDtype } from './options.ts';

export interface BenchFlags extends CommonFlags {
  readonly runtime: 'webgpu' | 'onnxruntime';
  readonly dtype?: WeightFormat;
  readonly prefill?: readonly number[];
  readonly decode?: readonly number[];
  readonly quick?: boolean;
  readonly vs?: 'onnxruntime';
  readonly vsFolder?: string;
}

export interface BenchRequest {
  readonly command: 'bench';
  readonly folder: string;
  readonly flags: BenchFlags;
}

export function addBench(program: Command, accept: (request: BenchRequest) => void): void {
  common(program.command('bench'))
    .summary('measure how fast a converted model runs here')
    .description(
      'Measures prefill and greedy decoding of a converted language model, and what part of the ' +
        "device's measured copy bandwidth and arithmetic peak they reach. Lengths beyond the " +
        "model's positions are left out.",
    )
    .argument('<dir>', 'folder that convert wrote')
    .option('--prefill <list>', 'prompts of so many tokens (default: 128,512,2048)', parseLengths)
    .option('--decode <list>', 'steps behind so many tokens (default: 128,1024,4096)', parseLengths)
    .option('--quick', 'fewer rounds, and 128 tokens where no list says otherwise')
    .option(
      '--dtype <dtype>',
      'model to run, as fp32 or q4 (default: the first that is there)',
      parseDtype,
    )
    .addOption(
      new Option('--runtime <runtime>', 'runtime to measure: our own on the GPU, or the CPU')
        .choices(['webgpu', 'onnxruntime'])
        .default('webgpu'),
    )
    .addOption(
      new Option(
        '--vs <runtime>',
        "compare with ONNX Runtime's WebGPU provider on the same GPU, in turns; ratios above 1: ours is faster",
      ).choices(['onnxruntime']),
    )
    .option(
      '--vs-folder <dir>',
      'the model that the other runs, of another target (default: <dir>)',
    )
    .addHelpText('after', examples)
    .action((folder: string, flags: BenchFlags) => {
      accept({ command: 'bench', folder, flags });
    });
}

function parseLengths(text: string): readonly number[] {
  if (text.trim() === '') return [];
  const lengths = text.split(',').map(Number);
  if (lengths.every((length) => Number.isSafeInteger(length) && length >= 1)) return lengths;
  throw new InvalidArgumentError('Expected are numbers of tokens, as 128,512.');
}

const examples = `
Examples:
  $ modernbert-onnx bench ./my-ettin-onnx
  $ modernbert-onnx bench ./my-ettin-onnx --quick --prefill 128 --decode ""
  $ modernbert-onnx bench ./my-ettin-onnx --vs onnxruntime --vs-folder ./my-ettin-portable`;
