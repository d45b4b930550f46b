// Classification: the labels of a text with their scores, best first.

import type { LabelScore } from '../src/runtime.ts';
import { element } from './element.ts';
import type { PageModel } from './model.ts';

/** Labels the text on the page. */
export async function classifyText({ session, tokenizer }: PageModel): Promise<void> {
  const subject = element<HTMLTextAreaElement>('subject').value;
  const [labels = []] = await session.classify([tokenizer.encode(subject)]);
  element('labels').replaceChildren(...labels.map(row));
}

function row({ label, score }: LabelScore): HTMLTableRowElement {
  const name = document.createElement('th');
  name.scope = 'row';
  name.textContent = label;
  const meter = document.createElement('meter');
  meter.value = score;
  const number = document.createElement('td');
  number.textContent = isShare(score) ? `${(score * 100).toFixed(1)} %` : score.toFixed(3);
  const bar = document.createElement('td');
  if (isShare(score)) bar.append(meter);
  const cells = document.createElement('tr');
  cells.append(name, bar, number);
  return cells;
}

/** A regression's output may be any number. */
function isShare(score: number): boolean {
  return score >= 0 && score <= 1;
}
