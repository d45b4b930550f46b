// The command line's grammar: commands, options and their help.

import { Command } from 'commander';
import type { WeightFormat } from '../base/manifest.ts';
import { tool } from '../base/version.ts';
import { addBench, type BenchRequest } from './bench-grammar.ts';
import type { CommonFlags } from './command.ts';
import { addCompare, type CompareRequest } from './compare-grammar.ts';
import { addConvert, type ConvertRequest } from './convert-grammar.ts';
import { collect, common, parseDtypes, runtimeOption, type RuntimeChoice } from './options.ts';
import { addPush, type PushRequest } from './push-grammar.ts';
import { addClassify, addGenerate, type TextRequest } from './text-grammar.ts';

export interface VerifyFlags extends CommonFlags {
  readonly golden?: string;
  readonly runtime: RuntimeChoice;
  readonly dtype?: readonly WeightFormat[];
  readonly gate?: readonly string[];
  readonly junit?: string;
  readonly record: boolean;
}

export interface InspectFlags extends CommonFlags {
  readonly revision?: string;
  readonly offline?: boolean;
}

/** What the command line asked for. */
export type Request =
  | ConvertRequest
  | { readonly command: 'verify'; readonly folder: string; readonly flags: VerifyFlags }
  | { readonly command: 'inspect'; readonly subject: string; readonly flags: InspectFlags }
  | TextRequest
  | BenchRequest
  | CompareRequest
  | PushRequest;

/** The grammar; a command line that fits it is handed to `accept`. */
export function buildProgram(accept: (request: Request) => void): Command {
  const program = new Command(tool.name)
    .description(
      'Converts ModernBERT Decoder (Ettin) checkpoints to optimized ONNX, proves and publishes the result.',
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
  addPush(program, accept);
  return program;
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
    .argument('<source | model.onnx>', 'folder or Hub id of a checkpoint, or a model file')
    .option('--revision <revision>', 'branch, tag or commit of a Hub repository')
    .option('--offline', 'make no connection: take what the cache holds')
    .addHelpText('after', inspectExamples)
    .action((subject: string, flags: InspectFlags) => {
      accept({ command: 'inspect', subject, flags });
    });
}

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
    2  wrong usage                       75  try again: the network, or a folder in use
   65  bad data                          76  the Hub sent wrong bytes
   66  no such input                     77  the Hub does not permit it
   69  not supported, or not available  129  hung up
   70  a bug                            130  interrupted
                                        143  terminated

Examples:
  $ modernbert-onnx convert ./my-ettin -o ./my-ettin-onnx --verify
  $ modernbert-onnx verify ./my-ettin-onnx
  $ modernbert-onnx inspect ./my-ettin
  $ modernbert-onnx push ./my-ettin-onnx me/my-ettin-onnx
  $ modernbert-onnx generate ./my-ettin-onnx "Once upon a time" --temperature 0.8`;
