// The command line's grammar: commands, options and their help.

import { Command, Option } from 'commander';
import type { Task } from '../base/config.ts';
import {
  type Quantization,
  quantizationMethods,
  type Target,
  type WeightFormat,
} from '../base/manifest.ts';
import { tool } from '../base/version.ts';
import {
  accuracyLevelRule,
  blockSizeRule,
  isAccuracyLevel,
  isBlockSize,
} from '../quantize/settings.ts';
import { addBench, type BenchRequest } from './bench-grammar.ts';
import type { CommonFlags } from './command.ts';
import { addCompare, type CompareRequest } from './compare-grammar.ts';
import {
  collect,
  common,
  numberParser,
  parseDtypes,
  runtimeOption,
  type RuntimeChoice,
} from './options.ts';
import { addClassify, addGenerate, type TextRequest } from './text-grammar.ts';

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

export interface VerifyFlags extends CommonFlags {
  readonly golden?: string;
  readonly runtime: RuntimeChoice;
  readonly dtype?: readonly WeightFormat[];
  readonly gate?: readonly string[];
  readonly junit?: string;
  readonly record: boolean;
}

/** What the command line asked for. */
export type Request =
  | { readonly command: 'convert'; readonly source: string; readonly flags: ConvertFlags }
  | { readonly command: 'verify'; readonly folder: string; readonly flags: VerifyFlags }
  | { readonly command: 'inspect'; readonly subject: string; readonly flags: CommonFlags }
  | TextRequest
  | BenchRequest
  | CompareRequest;

/** The grammar; a command line that fits it is handed to `accept`. */
export function buildProgram(accept: (request: Request) => void): Command {
  const program = new Command(tool.name)
    .description(
      'Converts ModernBERT Decoder (Ettin) checkpoints to optimized ONNX and proves the result.',
    )
    .version(tool.version)
    .exitOverride()
    .addHelpText('after', exitHelp);
  addConvert(program, accept);
  addVerify(program, accept);
  addInspect(program, accept);
  addGenerate(program, accept);
  addClassify(program, accept);
  addCompare(program, accept);
  addBench(program, accept);
  return program;
}

function addConvert(program: Command, accept: (request: Request) => void): void {
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

function addVerify(program: Command, accept: (request: Request) => void): void {
  common(program.command('verify'))
    .summary('hold converted models against reference outputs')
    .description('Holds converted models against reference outputs. Exits 1 when one drifts.')
    .argument('<dir>', 'folder that convert wrote')
    .option('--golden <path>', "recorded outputs, a file or a case folder (default: the folder's)")
    .addOption(runtimeOption())
    .option('--dtype <list>', 'models to verify (default: all)', parseDtypes)
    .option('--gate <name=value>', 'a stricter limit, as kl=0.0001; may be repeated', collect)
    .option('--junit <file>', 'write the report as JUnit XML too')
    .option('--no-record', 'leave the manifest as it is')
    .addHelpText('after', verifyExamples)
    .action((folder: string, flags: VerifyFlags) => {
      accept({ command: 'verify', folder, flags });
    });
}

function addInspect(program: Command, accept: (request: Request) => void): void {
  common(program.command('inspect'))
    .summary('describe a checkpoint or an ONNX model')
    .description('Describes a checkpoint, or an ONNX model and the files that belong to it.')
    .argument('<source | model.onnx>', 'folder of a checkpoint, or a model file')
    .addHelpText('after', inspectExamples)
    .action((subject: string, flags: CommonFlags) => {
      accept({ command: 'inspect', subject, flags });
    });
}

const convertExamples = `
Examples:
  $ modernbert-onnx convert ./my-ettin -o ./my-ettin-onnx
  $ modernbert-onnx convert ./my-ettin --dtype fp32,fp16 --verify
  $ modernbert-onnx convert ./my-ettin --dtype q8,q4 --block-size 64
  $ modernbert-onnx convert ./my-ettin --dtype q4 --method gptq --calibration ./poems.txt
  $ modernbert-onnx convert ./my-ettin --target portable --dry-run`;

const verifyExamples = `
Examples:
  $ modernbert-onnx verify ./my-ettin-onnx
  $ modernbert-onnx verify ./my-ettin-onnx --golden ./golden/my-ettin --junit report.xml
  $ modernbert-onnx verify ./my-ettin-onnx --runtime reference --no-record`;

const inspectExamples = `
Examples:
  $ modernbert-onnx inspect ./my-ettin
  $ modernbert-onnx inspect ./my-ettin-onnx/onnx/model.onnx --json`;

const exitHelp = `
Exit status:
    0  done                              73  the output cannot be created
    1  a model failed verification       74  reading or writing failed, or the disk is full
    2  wrong usage                       75  try again: another run writes the same folder
   65  bad data                         129  hung up
   66  no such input                    130  interrupted
   69  not supported, or not available  143  terminated
   70  a bug

Examples:
  $ modernbert-onnx convert ./my-ettin -o ./my-ettin-onnx --verify
  $ modernbert-onnx verify ./my-ettin-onnx
  $ modernbert-onnx inspect ./my-ettin
  $ modernbert-onnx generate ./my-ettin-onnx "Once upon a time" --temperature 0.8`;
