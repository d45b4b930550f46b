// The grammar of `compare`.

import type { Command } from 'commander';
import type { WeightFormat } from '../base/manifest.ts';
import type { CommonFlags } from './command.ts';
import { common, numberParser, parseDtypes, runtimeOption, type RuntimeChoice } from './options.ts';

export interface CompareFlags extends CommonFlags {
  readonly text: string;
  readonly dtype?: readonly WeightFormat[];
  readonly runtime: RuntimeChoice;
  readonly window: number;
  readonly tokens?: number;
  readonly html?: string;
  readonly record: boolean;
}

export interface CompareRequest {
  readonly command: 'compare';
  readonly folder: string;
  readonly flags: CompareFlags;
}

const whole = (least: number): ((text: string) => number) =>
  numberParser(
    `a whole number of ${least} or more`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );

export function addCompare(program: Command, accept: (request: CompareRequest) => void): void {
  common(program.command('compare'))
    .summary('tell what smaller formats cost on a text')
    .description(
      'Runs the models of a folder over a text and tells of each its size, its perplexity, and how ' +
        'far its predictions are from those of fp32: mean KL divergence, and how often the ' +
        'likeliest token is the same. The text is cut into windows that each begin at position 0.',
    )
    .argument('<dir>', 'folder that convert wrote, with fp32 among its dtypes')
    .requiredOption('--text <file>', 'text to predict, UTF-8; one that the model has not learned')
    .option('--dtype <list>', 'models to compare with fp32 (default: all)', parseDtypes)
    .addOption(runtimeOption())
    .option('--window <n>', 'tokens of a window', whole(2), 256)
    .option('--tokens <n>', 'only the first n tokens of the text', whole(1))
    .option('--html <file>', 'write a page with plots too')
    .option('--no-record', 'leave the manifest as it is')
    .addHelpText('after', examples)
    .action((folder: string, flags: CompareFlags) => {
      accept({ command: 'compare', folder, flags });
    });
}

const examples = `
Examples:
  $ modernbert-onnx compare ./my-ettin-onnx --text validation.txt
  $ modernbert-onnx compare ./my-ettin-onnx --text validation.txt --html compare.html
  $ modernbert-onnx compare ./my-ettin-onnx --text validation.txt --dtype q4 --tokens 4096`;
