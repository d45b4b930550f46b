// The grammar of `push`.

import type { Command } from 'commander';
import type { CommonFlags } from './command.ts';
import { common } from './options.ts';

export interface PushFlags extends CommonFlags {
  readonly private?: boolean;
  readonly createPr?: boolean;
  readonly revision?: string;
  readonly message?: string;
  readonly unverified?: boolean;
  readonly dryRun?: boolean;
}

/** A push that was asked for. */
export interface PushRequest {
  readonly command: 'push';
  readonly folder: string;
  readonly repository: string;
  readonly flags: PushFlags;
}

/** Options of a command that publishes what it wrote. */
export interface PushToFlags {
  readonly pushTo?: string;
  readonly private?: boolean;
}

/** Adds them. */
export function pushTo(command: Command): Command {
  return command
    .option('--push-to <repo>', 'publish the models when they are verified (implies --verify)')
    .option('--private', 'create that repository as a private one');
}

/** What is wrong with them, where something is. */
export function pushToMistake(
  flags: PushToFlags & { readonly offline?: boolean },
): string | undefined {
  if (flags.pushTo === undefined) {
    return flags.private === true ? '--private is for --push-to, which is not given' : undefined;
  }
  return flags.offline === true
    ? '--push-to needs a connection, and --offline is given'
    : undefined;
}

/** Adds the command. */
export function addPush(program: Command, accept: (request: PushRequest) => void): void {
  common(program.command('push'))
    .summary('publish converted models on the Hugging Face Hub')
    .description(
      'Publishes a folder that convert wrote on the Hugging Face Hub, in one commit.\n' +
        'The token is that of HF_TOKEN, or of hf auth login.',
    )
    .argument('<dir>', 'folder that convert wrote')
    .argument('<repo>', 'owner/name; created where it is not there')
    .option('--private', 'create it as a private one; fails where it is public')
    .option('--create-pr', 'propose the files in a pull request')
    .option('--revision <branch>', 'branch to write to, created where it is not there', 'main')
    .option('--message <text>', "first line of the commit's message")
    .option('--unverified', 'publish models that no verification has passed')
    .option('--dry-run', 'print what would be sent and removed, and change nothing')
    .addHelpText('after', pushExamples)
    .action((folder: string, repository: string, flags: PushFlags) => {
      accept({ command: 'push', folder, repository, flags });
    });
}

const pushExamples = `
Examples:
  $ modernbert-onnx push ./my-ettin-onnx me/my-ettin-onnx --dry-run
  $ modernbert-onnx push ./my-ettin-onnx me/my-ettin-onnx --private
  $ modernbert-onnx push ./my-ettin-onnx somebody/their-ettin --create-pr`;
