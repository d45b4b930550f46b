// Any error as what the command line says of it: one line, a code, an exit status.

import { writeError } from '../onnx/file-errors.ts';
import { errorCodes, printable, ToolkitError, type ErrorCode } from '../base/errors.ts';

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string | undefined;
  readonly exitCode: number;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ToolkitError) {
    const { code, fix, message, exitStatus } = error;
    const ending = fix === undefined ? 0 : `: ${fix}`.length;
    return { code, message: message.slice(0, message.length - ending), fix, exitCode: exitStatus };
  }
  if (isSystemError(error)) {
    if (error.code === 'ENOSPC') return failureOf(writeError(error, {}));
    return {
      code: 'IO_FAILED',
      message: printable(error.message),
      fix: 'check the disk and the permissions',
      exitCode: errorCodes.IO_FAILED,
    };
  }
  return {
    code: 'INTERNAL',
    message: printable(error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    fix: 'this is a bug; please report it with the stack that --debug prints',
    exitCode: errorCodes.INTERNAL,
  };
}

/** `error[CODE]: rule (where): what to do`. */
export function failureLine({ code, message, fix }: Failure): string {
  return `error[${code}]: ${message}${fix === undefined ? '' : `: ${fix}`}`;
}

/** The stacks of an error and its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
