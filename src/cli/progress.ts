// How far the work is, on stderr: a bar where a line can be redrawn, a few plain lines elsewhere.

import { SingleBar } from 'cli-progress';
import { printable } from '../base/errors.ts';
import { formatBytes } from './sizes.ts';
import type { Terminal } from './terminal.ts';

/** Work that is measured. */
interface Step {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** `done` and `total` for people; bytes, where it is left out. */
  readonly format?: (count: number) => string;
}

export interface Progress {
  readonly update: (step: Step) => void;
  /** What goes on where nothing is measured. */
  readonly status: (text: string) => void;
  /** Takes the line off the screen; the next update draws it again. */
  readonly clear: () => void;
}

/** A plain line follows another of its stage after so long and so much. */
const lineMs = 1000;
const lineTenths = 1;

/** A plain status line comes when nothing else did for so long. */
const silenceMs = 10_000;

/** Progress on a terminal; `now` is a clock in milliseconds. */
export function createProgress(
  terminal: Terminal,
  now: () => number = () => performance.now(),
): Progress {
  return terminal.interactive ? redrawn(terminal) : plainLines(terminal, now);
}

const eraseLine = '\r\u001b[K';

function redrawn(terminal: Terminal): Progress {
  let bar: SingleBar | undefined;
  let stage = '';
  let hasStatus = false;
  const clear = (): void => {
    bar?.stop();
    bar = undefined;
    if (hasStatus) terminal.err(eraseLine);
    hasStatus = false;
  };
  return {
    clear,
    status: (text) => {
      clear();
      terminal.err(eraseLine + printable(text));
      hasStatus = true;
    },
    update: ({ stage: name, done, total, format = formatBytes }) => {
      if (name !== stage || hasStatus) clear();
      stage = name;
      const payload = { stage, have: format(done), want: format(total) };
      if (bar === undefined) {
        bar = createBar();
        bar.start(total, done, payload);
      } else {
        bar.update(done, payload);
      }
      if (done >= total) clear();
    },
  };
}

function createBar(): SingleBar {
  return new SingleBar({
    format: '{stage} [{bar}] {percentage} % | {have} of {want} | {eta_formatted} left',
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: null,
    // signals are this program's to handle
    gracefulExit: false,
  });
}

function plainLines(terminal: Terminal, now: () => number): Progress {
  let last = { stage: '', tenths: 0, time: now() };
  return {
    clear: () => undefined,
    status: (text) => {
      if (now() - last.time < silenceMs) return;
      last = { stage: '', tenths: 0, time: now() };
      terminal.err(`${printable(text)}\n`);
    },
    update: ({ stage, done, total, format = formatBytes }) => {
      if (total <= 0) return;
      const [tenths, time] = [Math.floor((10 * done) / total), now()];
      if (tenths < last.tenths) last = { ...last, tenths };
      const due = tenths - last.tenths >= lineTenths && time - last.time >= lineMs;
      if (stage === last.stage && !due) return;
      last = { stage, tenths, time };
      const percent = Math.floor((100 * done) / total);
      terminal.err(`${stage}: ${percent} % (${format(done)} of ${format(total)})\n`);
    },
  };
}
