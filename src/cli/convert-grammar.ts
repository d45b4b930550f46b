// The grammar of `convert`.

import { type Command, Option } from 'commander';
import type { Task } from '../base/config.ts';
import {
  type Quantization,
  quantizationMethods,
  type Target,
  type WeightFormat,
} from '../base/manifest.ts';
import {
  accuracyLevelRule,
  blockSizeRule,
  isAccuracyLevel,
  isBlockSize,
} from '../quantize/settings.ts';
import type { CommonFlags } from './command.ts';
import { common, numberParser, parseDtypes } from './options.ts';

export interface ConvertFlags extends CommonFlags, Omit<Quantization, 'calibration'> {
  readonly output?: string;
  readonly task: Task | 'auto';
  readonly dtype: readonly WeightFormat[];
  readonly target: Target;
  readonly revision?: string;
  readonly verify?: boolean;
  readonly golden?: string;
  readonly calibration?: string;
  readonly force?: boolean;
  readonly singleFile?: boolean;
  readonly numLogitsToKeep: boolean;
  readonly dryRun?: boolean;
}

/** A conversion that was asked for. */
export interface ConvertRequest {
  readonly command: 'convert';
  readonly source: string;
  readonly flags: ConvertFlags;
}

/** Adds the command. */
export function addConvert(program: Command, accept: (request: ConvertRequest) => void): void {
  common(program.command('convert'))
    .summary('convert a checkpoint to a folder of ONNX models')
    .description('Converts a checkpoint to a folder of ONNX models.')
    .argument('<source>', 'folder with config.json and the weights')
    .option('-o, --output <dir>', 'folder to write (default: <source name>-onnx here)')
    .addOption(
      new Option('--task <task>', 'task of the graph; auto takes it from the config')
        .choices(['auto', 'text-generation', 'text-classification', 'feature-extraction'])
        .default('auto'),
    )
    .addOption(
      new Option('--dtype <list>', 'formats to write, of fp32, fp16, q8, q4, q4f16')
        .argParser(parseDtypes)
        .default(['fp32'], 'fp32'),
    )
    .addOption(
      new Option('--target <target>', "runtime that the operators' bodies are made for")
        .choices(['onnxruntime', 'portable'])
        .default('onnxruntime'),
    )
    .addOption(
      new Option('--method <method>', 'how weights of q8, q4, q4f16 are rounded')
        .choices(quantizationMethods)
        .default('rtn'),
    )
    .option('--calibration <file>', 'text for gptq (default: the model writes it)')
    .addOption(
      new Option('--block-size <n>', 'weights with one scale, 16 to 128')
        .argParser(numberParser(blockSizeRule, isBlockSize))
        .default(32),
    )
    .addOption(
      new Option('--symmetry <symmetry>', 'auto gives zero points to 4 bits, and none to 8')
        .choices(['auto', 'symmetric', 'asymmetric'])
        .default('auto'),
    )
    .addOption(
      new Option('--accuracy-level <n>', "ONNX Runtime's: 4 rounds activations too, 0 does not")
        .argParser(numberParser(accuracyLevelRule, isAccuracyLevel))
        .default(4),
    )
    .option('--revision <revision>', 'revision of a Hub repository')
    .option('--verify', 'hold the models against reference outputs before they are published')
    .option('--golden <path>', 'recorded outputs to verify against, a file or a case folder')
    .option('--force', 'replace an output folder that holds files')
    .option('--single-file', 'keep the weights inside the model file (below 2 GiB)')
    .option('--no-num-logits-to-keep', 'leave out the input num_logits_to_keep')
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText('after', convertExamples)
    .action((source: string, flags: ConvertFlags) => {
      accept({ command: 'convert', source, flags });
    });
}

const convertExamples = `
Examples:
  $ modernbert-onnx convert ./my-ettin -o ./my-ettin-onnx
  $ modernbert-onnx convert ./my-ettin --dtype fp32,fp16 --verify
  $ modernbert-onnx convert ./my-ettin --dtype q8,q4 --block-size 64
  $ modernbert-onnx convert ./my-ettin --dtype q4 --method gptq --calibration ./poems.txt
  $ modernbert-onnx convert ./my-ettin --target portable --dry-run`;
