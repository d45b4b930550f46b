// Which process wrote a lock, and whether it still runs. A process id alone says little: ids are
// used again, mean nothing on another host or in another container, and a killed process whose
// parent has not looked yet still has one.

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** The host, and on Linux the container's space of process ids. */
  readonly machine: string;
  /** Boot and moment of the process's start; '' where the system does not tell. */
  readonly start: string;
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { pid, machine: await machine(), start: (await startOf(pid)) ?? '' };
}

/** Whether the process runs; undefined when that cannot be known from here. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.machine !== (await machine())) return undefined;
  if (!hasProcess(identity.pid)) return false;
  const start = await startOf(identity.pid);
  if (start === undefined || identity.start === '') return undefined;
  return start === identity.start;
}

/** Whether some process of this machine has the id. */
function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function machine(): Promise<string> {
  const space = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${hostname()} ${space}`.trim();
}

async function startOf(pid: number): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // `pid (name) state …`; the name may hold spaces and parentheses, the start is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ended = fields[0] === 'Z' || fields[0] === 'X';
    return ended ? 'ended' : `${boot.trim()} ${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}

/** Clock and start times agree to about this. */
const slackMs = 2000;

/** Where a process's start is not told, a folder of this age is taken for left behind. */
const forgottenMs = 24 * 60 * 60_000;

/** Whether a process of this machine runs under `pid` that was there at `timeMs`. */
export async function startedBefore(pid: number, timeMs: number): Promise<boolean> {
  if (!hasProcess(pid)) return false;
  const start = await startOf(pid);
  if (start === 'ended') return false;
  // A process's folder in /proc carries the moment it was first looked at, so the start is
  // reckoned from the time since boot, in hundredths of a second.
  const ticks = Number(start?.split(' ')[1]);
  const up = Number((await readFile('/proc/uptime', 'utf8').catch(() => '')).split(' ')[0]);
  if (!(up > 0) || Number.isNaN(ticks)) return Date.now() - timeMs < forgottenMs;
  return Date.now() - (up - ticks / 100) * 1000 <= timeMs + slackMs;
}
