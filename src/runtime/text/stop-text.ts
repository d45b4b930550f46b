// Texts that end a generation. What may be the beginning of one is held back until it is known to be
// none, so that a text that ended holds nothing of what ended it.

export interface StopFilter {
  /** What of the text so far may be shown. */
  push(text: string): string;
  /** Whether a stop text has come; nothing comes after it. */
  stopped(): boolean;
  /** What was held back, where no stop text came of it. */
  end(): string;
}

/** A filter that ends a text before the first of `stops` in it. */
export function createStopFilter(stops: readonly string[]): StopFilter {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  let stopped = false;
  return {
    push: (text) => {
      if (stopped) return '';
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      stopped = found.length > 0;
      const end = stopped ? Math.min(...found) : held.length - longestBeginning(held, wanted);
      const shown = held.slice(0, end);
      held = held.slice(end);
      return shown;
    },
    stopped: () => stopped,
    end: () => {
      const shown = stopped ? '' : held;
      held = '';
      return shown;
    },
  };
}

/** How much of the text's end begins one of the stop texts. */
function longestBeginning(text: string, stops: readonly string[]): number {
  const most = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(most, text.length); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}
