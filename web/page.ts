// The page: opens a model, then shows the form of its task. One thing is done at a time.

import { fetchOutput, type Output, pickedOutput, ToolkitError } from '../src/runtime.ts';
import { addressOf } from './address.ts';
import { classifyText } from './classify.ts';
import { element } from './element.ts';
import { generateText } from './generate.ts';
import { openModel, type PageModel } from './model.ts';

const forms = {
  'text-generation': element('generate'),
  'text-classification': element('classify'),
} as const;

let model: PageModel | undefined;

/** Does the work with all controls off, and shows what goes wrong as one line. */
async function act(work: () => Promise<void>): Promise<void> {
  const controls = document.querySelectorAll<HTMLInputElement>('input, select, textarea, button');
  const on = [...controls].filter(({ id }) => id !== 'stop');
  element('error').textContent = '';
  for (const control of on) control.disabled = true;
  try {
    await work();
  } catch (error) {
    element('error').textContent =
      error instanceof ToolkitError ? `${error.code}: ${error.message}` : String(error);
  } finally {
    for (const control of on) control.disabled = false;
  }
}

async function show(open: () => Promise<Output>): Promise<void> {
  for (const form of Object.values(forms)) form.hidden = true;
  await model?.close();
  model = undefined;
  model = await openModel(open);
  const form =
    model.session.task === 'text-classification' ? 'text-classification' : 'text-generation';
  forms[form].hidden = false;
}

function onSubmit(id: string, work: () => Promise<void>): void {
  element(id).addEventListener('submit', (event) => {
    event.preventDefault();
    void act(work);
  });
}

onSubmit('address-form', () =>
  show(() => fetchOutput(addressOf(element<HTMLInputElement>('address').value))),
);

const folder = element<HTMLInputElement>('folder');
folder.addEventListener('change', () => {
  const files = new Map([...(folder.files ?? [])].map((file) => [file.webkitRelativePath, file]));
  folder.value = ''; // so that the same folder can be picked again
  if (files.size > 0) void act(() => show(async () => pickedOutput(files)));
});

onSubmit('generate-form', async () => {
  if (model) await generateText(model);
});

onSubmit('classify-form', async () => {
  if (model) await classifyText(model);
});
