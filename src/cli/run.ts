// The command line from arguments to exit status: parse, run the command, print what it found.

import { ToolkitError } from '../base/errors.ts';
import { tool } from '../base/version.ts';
import type { Context, Outcome, StreamingContext } from './command.ts';
import { createRedactor } from '../hub/redact.ts';
import { readToken } from '../hub/file-settings.ts';
import { failureOf, stackOf, type Failure } from './failure.ts';
import { createMessages } from './messages.ts';
import { parseArguments } from './parse.ts';
import { createProgress } from './progress.ts';
import type { Request } from './program.ts';
import { listen } from './signals.ts';
import { flush, processTerminal, type ReadTerminal, type Terminal } from './terminal.ts';

/** Runs a command line and ends the process with its exit status. */
export async function main(argv: readonly string[]): Promise<never> {
  const redact = createRedactor([readToken(process.env)]);
  const terminal = processTerminal(redact);
  const exitCode = await run(argv, terminal);
  await flush();
  process.exit(exitCode);
}

async function run(argv: readonly string[], terminal: ReadTerminal): Promise<number> {
  const progress = createProgress(terminal);
  const messages = createMessages(terminal, progress.clear);
  // these are looked for by eye, for the line may not parse
  const json = argv.includes('--json');
  const debug = argv.includes('--debug');
  const report = (failure: Failure): void => {
    messages.fail(failure);
    const { code, message, fix, exitCode } = failure;
    const error = { code, message, ...(fix === undefined ? {} : { fix }) };
    const { warnings } = messages;
    if (json)
      printDocument(terminal, { command: argv[0], status: 'error', exitCode, error, warnings });
  };
  const fail = (error: unknown): number => {
    if (debug) terminal.err(`${stackOf(error)}\n`);
    const failure = failureOf(error);
    report(failure);
    return failure.exitCode;
  };
  const interrupts = listen({
    signal: (signal, exitCode, said) => {
      const error = new ToolkitError('INTERRUPTED', `ended by ${signal}`, said);
      report({ ...failureOf(error), exitCode });
    },
    crash: fail,
  });
  try {
    const request = await parseArguments(argv, terminal);
    if (request === undefined) return 0;
    const { out, readerGone } = terminal;
    const context = { messages, progress, interrupts, env: process.env, print: out, readerGone };
    const outcome = await runCommand(request, context);
    progress.clear();
    return print(request, outcome, context, terminal);
  } catch (error) {
    // what an interruption breaks off is no failure of its own: the listener ends the process
    if (interrupts.interrupted()) return await new Promise<never>(() => undefined);
    return fail(error);
  }
}

// Loaded when asked for: help need not wait for what a conversion takes.
async function runCommand(request: Request, context: StreamingContext): Promise<Outcome> {
  switch (request.command) {
    case 'convert': {
      const { jobs } = request.flags;
      if (jobs !== undefined) {
        const { convertJobsCommand } = await import('./convert-jobs-command.ts');
        return await convertJobsCommand(request, jobs, context);
      }
      if (request.many !== undefined) {
        const { convertManyCommand } = await import('./convert-many-command.ts');
        return await convertManyCommand(request.many, request.flags, context);
      }
      const { convertAndPush } = await import('./convert-and-push.ts');
      return await convertAndPush(request.source, request.flags, context);
    }
    case 'verify': {
      const { verifyCommand } = await import('./verify-command.ts');
      return await verifyCommand(request.folder, request.flags, context);
    }
    case 'inspect': {
      const { inspectCommand } = await import('./inspect-command.ts');
      return await inspectCommand(request.subject, request.flags, context);
    }
    case 'generate': {
      const { generateCommand } = await import('./generate-command.ts');
      return await generateCommand(request.folder, request.prompts, request.flags, context);
    }
    case 'classify': {
      const { classifyCommand } = await import('./classify-command.ts');
      return await classifyCommand(request.folder, request.texts, request.flags, context);
    }
    case 'compare': {
      const { compareCommand } = await import('./compare-command.ts');
      return await compareCommand(request.folder, request.flags, context);
    }
    case 'bench': {
      const { benchCommand } = await import('./bench-command.ts');
      return await benchCommand(request.folder, request.flags, context);
    }
    case 'push': {
      const { pushCommand } = await import('./push-command.ts');
      return await pushCommand(request.folder, request.repository, request.flags, context);
    }
    default:
      return request satisfies never;
  }
}

function print(
  { command, flags }: Request,
  { passed, exitCode = passed ? 0 : 1, text, document }: Outcome,
  { messages }: Context,
  terminal: Terminal,
): number {
  const status = passed ? 'pass' : 'fail';
  if (flags.json === true) {
    const { warnings } = messages;
    printDocument(terminal, { command, status, exitCode, ...document, warnings });
  } else {
    terminal.out(text);
  }
  return exitCode;
}

function printDocument(terminal: Terminal, document: Readonly<Record<string, unknown>>): void {
  const envelope = { schemaVersion: 1, tool: tool.name, version: tool.version };
  terminal.out(`${JSON.stringify({ ...envelope, ...document }, undefined, 2)}\n`);
}
