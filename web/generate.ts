// Generation: text as it comes, its speed, and a way to stop it.

import { createTextWriter } from '../src/runtime.ts';
import { element } from './element.ts';
import type { PageModel } from './model.ts';

const text = element('text');
const stop = element<HTMLButtonElement>('stop');

/** Continues the prompt on the page. */
export async function generateText({ session, tokenizer, recommended }: PageModel): Promise<void> {
  const prompt = element<HTMLTextAreaElement>('prompt').value;
  const temperature = element<HTMLInputElement>('temperature').valueAsNumber;
  const ids = tokenizer.encode(prompt);
  const writer = createTextWriter(tokenizer, ids);
  const aborter = new AbortController();
  const abort = (): void => aborter.abort();
  const speed = stopwatch();
  text.textContent = prompt;
  text.ariaBusy = 'true';
  stop.disabled = false;
  stop.addEventListener('click', abort);
  try {
    await session.generate([ids], {
      maxNewTokens: element<HTMLInputElement>('max-new-tokens').valueAsNumber,
      ...(temperature > 0 ? { doSample: true, temperature } : { doSample: false }),
      defaults: recommended,
      signal: aborter.signal,
      onToken: (id) => {
        text.append(writer.push(id));
        element('speed').textContent = speed.lap();
      },
    });
    text.append(writer.end());
  } finally {
    stop.removeEventListener('click', abort);
    stop.disabled = true;
    text.ariaBusy = 'false';
  }
}

/** Tells after every token how many there are and how fast they come after the first. */
function stopwatch(): { lap(): string } {
  const started = performance.now();
  let first = started;
  let tokens = 0;
  return {
    lap: () => {
      const now = performance.now();
      if (tokens === 0) first = now;
      tokens++;
      if (tokens === 1) return `first token after ${Math.round(now - started)} ms`;
      const rate = ((tokens - 1) * 1000) / (now - first);
      return `${tokens} tokens, ${rate.toFixed(1)} tokens/s`;
    },
  };
}
