// The grammar of `convert`.

import { type Command, Option } from 'commander';
import type { Task } from '../base/config.ts';
import {
  isQuantized,
  type KeepRule,
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
import { parseKeepRule } from '../quantize/keep.ts';
import { isTargetKl, targetKlRule } from '../target-kl.ts';
import type { CommonFlags } from './command.ts';
import { common, numberParser, parseDtypes } from './options.ts';
import { pushTo, pushToMistake, type PushToFlags } from './push-grammar.ts';
import { parseRevisions } from './source-list.ts';

export interface ConvertFlags
  extends CommonFlags, PushToFlags, Omit<Quantization, 'calibration' | 'choices'> {
  readonly output?: string;
  readonly task: Task | 'auto';
  readonly dtype: readonly WeightFormat[];
  readonly target: Target;
  readonly revision?: string;
  readonly offline?: boolean;
  readonly revisions?: readonly string[];
  readonly sources?: string;
  readonly verify?: boolean;
  readonly golden?: string;
  readonly calibration?: string;
  readonly targetKl?: number;
  readonly force?: boolean;
  readonly singleFile?: boolean;
  readonly numLogitsToKeep: boolean;
  readonly dryRun?: boolean;
  readonly fp16Check: boolean;
  readonly strictFp16?: boolean;
  readonly jobs?: string;
}

/** A conversion that was asked for. */
export type ConvertRequest =
  | {
      readonly command: 'convert';
      readonly source: string;
      readonly many?: undefined;
      readonly flags: ConvertFlags;
    }
  | { readonly command: 'convert'; readonly many: ManySources; readonly flags: ConvertFlags };

/** Revisions of one source, or the path of a list; `-` is stdin. */
export type ManySources =
  | { readonly source: string; readonly revisions: readonly string[] }
  | { readonly list: string; readonly revisions?: undefined };

/** Adds the command. */
export function addConvert(program: Command, accept: (request: ConvertRequest) => void): void {
  const command = common(program.command('convert'))
    .summary('convert a checkpoint to a folder of ONNX models')
    .description('Converts a checkpoint to a folder of ONNX models.')
    .argument('[source]', 'folder with config.json and the weights, or a Hub id')
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
    );
  pushTo(quantizing(command))
    .option('--strict-fp16', 'refuse a model with values that half floats cannot hold')
    .option('--no-fp16-check', 'do not look for such values, which then may overflow')
    .option('--revision <revision>', 'branch, tag or commit of a Hub repository')
    .option('--revisions <list>', 'several of them, each to a folder in --output', parseRevisions)
    .option('--sources <file>', 'convert what a file lists, one a line, to folders in --output')
    .option('--offline', 'make no connection: take what the cache holds')
    .option('--verify', 'hold the models against reference outputs before they are published')
    .option('--golden <path>', 'recorded outputs to verify against, a file or a case folder')
    .option('--force', 'replace an output folder that holds files')
    .option('--single-file', 'keep the weights inside the model file (below 2 GiB)')
    .option('--no-num-logits-to-keep', 'leave out the input num_logits_to_keep')
    .option('--jobs <flavor>', 'hand each source to Hugging Face Jobs, to a machine of this flavor')
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText('after', convertExamples)
    .action((source: string | undefined, flags: ConvertFlags) => {
      accept(requestOf(source, flags, command));
    });
}

function quantizing(command: Command): Command {
  return command
    .addOption(
      new Option('--method <method>', 'how weights of q8, q4, q4f16 are rounded')
        .choices(quantizationMethods)
        .default('rtn'),
    )
    .option('--calibration <file>', 'text for gptq and --target-kl (default: the model writes it)')
    .addOption(
      new Option(
        '--target-kl <x>',
        'keep weights of q8, q4, q4f16 in larger formats until the KL divergence is within x',
      ).argParser(numberParser(targetKlRule, isTargetKl)),
    )
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
    .addOption(
      new Option(
        '--keep <rule>',
        'PATTERN=FORMAT: other format of some weights; repeatable',
      ).argParser((rule, before: readonly KeepRule[] = []) => [...before, parseKeepRule(rule)]),
    );
}

function requestOf(
  source: string | undefined,
  flags: ConvertFlags,
  command: Command,
): ConvertRequest {
  const { sources, revisions, revision } = flags;
  const given = [sources, revisions, revision].filter((option) => option !== undefined);
  if (given.length > 1) {
    return command.error('of --sources, --revisions and --revision only one can be given');
  }
  const mistake = pushToMistake(flags) ?? contradiction(flags);
  if (mistake !== undefined) return command.error(mistake);
  if (sources !== undefined) {
    if (source === undefined) return { command: 'convert', many: { list: sources }, flags };
    return command.error('a source is given, and --sources too');
  }
  if (source === undefined) return command.error("missing required argument 'source'");
  if (revisions !== undefined) return { command: 'convert', many: { source, revisions }, flags };
  return { command: 'convert', source, flags };
}

/** What an option asks for that another one rules out. */
function contradiction(flags: ConvertFlags): string | undefined {
  const { method, dtype, strictFp16, fp16Check } = flags;
  if (method === 'gptq' && !dtype.some(isQuantized)) {
    return '--method gptq rounds q8, q4 and q4f16, and --dtype names none of them';
  }
  return strictFp16 === true && !fp16Check
    ? '--strict-fp16 refuses what --no-fp16-check does not look for'
    : undefined;
}

const convertExamples = `
Examples:
  $ modernbert-onnx convert ./my-ettin -o ./my-ettin-onnx
  $ modernbert-onnx convert ./my-ettin --dtype fp32,fp16 --verify
  $ modernbert-onnx convert ./my-ettin --dtype q8,q4 --block-size 64
  $ modernbert-onnx convert ./my-ettin --dtype q4 --keep embeddings=q8 --keep 'layers.0.*=fp16'
  $ modernbert-onnx convert ./my-ettin --dtype q4 --method gptq --calibration ./poems.txt
  $ modernbert-onnx convert ./my-ettin --dtype q4 --target-kl 0.01
  $ modernbert-onnx convert --sources checkpoints.txt -o ./converted --verify
  $ modernbert-onnx convert ./my-ettin --dtype fp32,q8 --push-to me/my-ettin-onnx --private
  $ modernbert-onnx convert me/my-ettin --revisions a,b -o ./converted --push-to me/my-ettin-onnx
  $ modernbert-onnx convert ./my-ettin --target portable --dry-run`;
