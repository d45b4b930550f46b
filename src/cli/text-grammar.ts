// The grammar of the commands that work on text: generate and classify.

import { type Command, Option } from 'commander';
import type { WeightFormat } from '../base/manifest.ts';
import type { CommonFlags } from './command.ts';
import {
  collect,
  common,
  numberParser,
  parseDtype,
  runtimeOption,
  type RuntimeChoice,
} from './options.ts';

interface ModelFlags extends CommonFlags {
  readonly runtime: RuntimeChoice;
  readonly dtype?: WeightFormat;
}

export interface GenerateFlags extends ModelFlags {
  readonly maxNewTokens?: number;
  readonly maxLength?: number;
  readonly doSample?: boolean;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly numReturnSequences?: number;
  readonly stop?: readonly string[];
}

export interface ClassifyFlags extends ModelFlags {
  readonly top?: number;
}

export type TextRequest =
  | {
      readonly command: 'generate';
      readonly folder: string;
      readonly prompts: readonly string[];
      readonly flags: GenerateFlags;
    }
  | {
      readonly command: 'classify';
      readonly folder: string;
      readonly texts: readonly string[];
      readonly flags: ClassifyFlags;
    };

const whole = (least: number): ((text: string) => number) =>
  numberParser(
    `a whole number of ${least} or more`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );
const positive = numberParser(
  'a number above 0',
  (value) => value > 0 && value < Number.POSITIVE_INFINITY,
);
const part = numberParser('a number from 0 to 1', (value) => value >= 0 && value <= 1);

export function addGenerate(program: Command, accept: (request: TextRequest) => void): void {
  common(program.command('generate'))
    .summary('continue prompts with a converted model')
    .description(
      'Continues prompts with a converted model, by the most likely tokens unless an option says how to ' +
        'draw them. Without a prompt all of stdin is one. The text of one prompt is printed as it ' +
        'comes, that of several when all are done.',
    )
    .argument('<dir>', 'folder that convert wrote')
    .argument('[prompt...]', 'texts to continue')
    .option('--max-new-tokens <n>', 'tokens to add at most (default: 256)', whole(1))
    .option('--max-length <n>', 'tokens of prompt and continuation at most', whole(1))
    .option('--do-sample', 'draw tokens by their probability')
    .option('--no-do-sample', 'take the most likely token, whatever generation_config.json says')
    .option('--temperature <t>', 'draw; below 1 likely tokens become likelier', positive)
    .option('--top-k <n>', 'draw from the n most likely tokens (default: 50; 0: all)', whole(0))
    .option('--top-p <p>', 'draw from the most likely tokens of this probability together', part)
    .option('--min-p <p>', 'draw from tokens at least this part as likely as the likeliest', part)
    .option(
      '--repetition-penalty <x>',
      'above 1: tokens of the text so far are less likely',
      positive,
    )
    .option('--seed <n>', 'draw the same text again', whole(0))
    .option('--num-return-sequences <n>', 'draw so many continuations of each prompt', whole(1))
    .option('--stop <text>', 'end before this text; may be repeated', collect)
    .option(
      '--dtype <dtype>',
      'model to run, as fp32 or q4 (default: the first that is there)',
      parseDtype,
    )
    .addOption(runtimeOption())
    .addHelpText('after', generateExamples)
    .action((folder: string, prompts: readonly string[], flags: GenerateFlags) => {
      accept({ command: 'generate', folder, prompts, flags });
    });
}

export function addClassify(program: Command, accept: (request: TextRequest) => void): void {
  common(program.command('classify'))
    .summary('label texts with a converted classifier')
    .description(
      'Prints the labels of texts with their probabilities. Without a text every line of stdin is one.',
    )
    .argument('<dir>', 'folder that convert wrote')
    .argument('[text...]', 'texts to label')
    .addOption(new Option('--top <n>', 'only the n most likely labels').argParser(whole(1)))
    .option(
      '--dtype <dtype>',
      'model to run, as fp32 or q4 (default: the first that is there)',
      parseDtype,
    )
    .addOption(runtimeOption())
    .addHelpText('after', classifyExamples)
    .action((folder: string, texts: readonly string[], flags: ClassifyFlags) => {
      accept({ command: 'classify', folder, texts, flags });
    });
}

const generateExamples = `
Examples:
  $ modernbert-onnx generate ./my-ettin-onnx "Once upon a time" --max-new-tokens 80
  $ modernbert-onnx generate ./my-ettin-onnx "ROMEO:" --temperature 0.8 --top-p 0.95 --seed 1
  $ cat prompt.txt | modernbert-onnx generate ./my-ettin-onnx --num-return-sequences 3 --json`;

const classifyExamples = `
Examples:
  $ modernbert-onnx classify ./my-classifier-onnx "What light through yonder window breaks?"
  $ cat lines.txt | modernbert-onnx classify ./my-classifier-onnx --top 1 --json`;
