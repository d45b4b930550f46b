// What a command prints to: results on stdout, everything else on stderr.

/** The two streams, so that a test can hold them. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether stderr is a terminal that can redraw a line. */
  readonly interactive: boolean;
  /** Whether stderr takes colors. */
  readonly colored: boolean;
}

/** A terminal whose results somebody may stop reading. */
export interface ReadTerminal extends Terminal {
  /** Aborted when nobody reads stdout anymore. */
  readonly readerGone: AbortSignal;
}

/** The process's own streams; `redact` takes secrets out of what is printed. A reader that goes away (`| head`) is no error. */
export function processTerminal(redact: (text: string) => string): ReadTerminal {
  const reader = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) reader.abort();
    });
  }
  const { NO_COLOR, TERM } = process.env;
  const interactive = process.stderr.isTTY && TERM !== 'dumb';
  return {
    out: (text) => void process.stdout.write(redact(text)),
    err: (text) => void process.stderr.write(redact(text)),
    readerGone: reader.signal,
    interactive,
    colored: interactive && (NO_COLOR ?? '') === '',
  };
}

/** Waits until what was printed has left the process. */
export async function flush(): Promise<void> {
  const streams = [process.stdout, process.stderr];
  await Promise.all(
    streams.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
  );
}
