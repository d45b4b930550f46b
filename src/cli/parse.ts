// Reads a command line. Help and the version are printed here; a line that does not fit is an error
// of the toolkit like any other.

import { CommanderError } from 'commander';
import { printable, ToolkitError } from '../base/errors.ts';
import { buildProgram, type Request } from './program.ts';
import type { Terminal } from './terminal.ts';

/** What is asked for; undefined when help or the version was, and has been printed. */
export async function parseArguments(
  argv: readonly string[],
  terminal: Terminal,
): Promise<Request | undefined> {
  let request: Request | undefined;
  const program = buildProgram((accepted) => {
    request = accepted;
  });
  const usage = {
    writeOut: terminal.out,
    writeErr: terminal.err,
    outputError: () => undefined,
    getOutHelpWidth: () => 80,
    getErrHelpWidth: () => 80,
  };
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput(usage);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return request;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw usageError(error, argv);
  }
}

function usageError(error: CommanderError, argv: readonly string[]): ToolkitError {
  const commands = [
    'convert',
    'verify',
    'inspect',
    'generate',
    'classify',
    'compare',
    'bench',
    'push',
  ];
  const command = commands.find((name) => name === argv[0]);
  const sentence =
    argv.length === 0 ? 'a command is missing' : error.message.replace(/^error: |\.$/g, '');
  return new ToolkitError('USAGE', printable(sentence.replace(/\s+/g, ' ').trim()), {
    fix: `see modernbert-onnx ${command === undefined ? '' : `${command} `}--help`,
    cause: error,
  });
}
