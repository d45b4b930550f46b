// Runs the built command as a user does.

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The current folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** An open file that takes what is printed to stdout. */
  readonly stdout?: number;
  /** What is piped in; without it stdin stays open. */
  readonly input?: string | Uint8Array;
  /** Given the process as soon as it runs. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Given the process when it has printed something to stderr. */
  readonly onProgress?: (child: ChildProcess) => void;
  /** Given the process when it has printed something to stdout. */
  readonly onOutput?: (child: ChildProcess) => void;
}

/** The environment of a machine without a GPU; `auto` computes on ONNX Runtime there, faster than in software. */
export const noGpu: Readonly<Record<string, string>> = {
  VK_ICD_FILENAMES: '/nowhere/icd.json',
  VK_DRIVER_FILES: '/nowhere/icd.json',
};

/** The folder of a golden case. */
export function caseFolder(name: string): string {
  return join(root, 'golden', name);
}

/** Runs `modernbert-onnx` with arguments, and waits for its end. */
export function command(
  args: readonly string[],
  { cwd = root, env = {}, stdout, input, onStart, onProgress, onOutput }: RunOptions = {},
): Promise<Ran> {
  const bin = join(root, 'dist/bin/modernbert-onnx.js');
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  onStart?.(child);
  if (input !== undefined) child.stdin?.end(input);
  if (onOutput !== undefined) child.stdout?.once('data', () => onOutput(child));
  if (onProgress !== undefined) child.stderr?.once('data', () => onProgress(child));
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, ...text }));
  });
}

/** The one line that an error is. */
export function errorLine({ stderr }: Ran): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('error'));
  return lines.length === 1 ? (lines[0] ?? '') : `${lines.length} error lines: ${stderr}`;
}

/** The one document that --json prints. */
export function documentOf({ stdout }: Ran): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}
