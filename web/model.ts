// A model on the GPU with its tokenizer, and what the page says while it loads.

import {
  type Device,
  type GenerationOptions,
  load,
  openDevice,
  openTokenizer,
  type Output,
  readManifest,
  readRecommended,
  type Session,
  type Tokenizer,
  ToolkitError,
  type WeightFormat,
  weightFormats,
} from '../src/runtime.ts';
import { element } from './element.ts';

export interface PageModel {
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  /** What the folder recommends for generations. */
  readonly recommended: GenerationOptions;
  close(): Promise<void>;
}

const progress = element<HTMLProgressElement>('progress');
const facts = element('facts');

/** Opens a folder, loads its model, and says so on the page. */
export async function openModel(open: () => Promise<Output>): Promise<PageModel> {
  facts.hidden = true;
  say('Opening the folder…');
  progress.hidden = false;
  progress.removeAttribute('value');
  let device: Device | undefined;
  try {
    device = await openDevice(navigator.gpu);
    const model = await loadOn(device, await open());
    showFacts(device, model.session);
    return model;
  } catch (error) {
    device?.destroy();
    say('');
    throw error;
  } finally {
    progress.hidden = true;
  }
}

async function loadOn(device: Device, output: Output): Promise<PageModel> {
  const { dtypes, task } = await readManifest(output);
  if (task === 'feature-extraction') {
    throw new ToolkitError(
      'USAGE',
      'the page generates and classifies, and the model does neither',
      {
        where: { task },
        fix: 'use the package: its runtime gives hidden states with embed',
      },
    );
  }
  const tokenizer = await openTokenizer(output.root);
  const { options: recommended } = await readRecommended(output.root);
  const dtype = wantedDtype() ?? suited(device, dtypes);
  const started = performance.now();
  const session = await load(output, {
    device,
    ...(dtype && { dtype }),
    onProgress: ({ loaded, total }) => {
      progress.value = loaded / total;
      say(`${megabytes(loaded)} of ${megabytes(total)} on the GPU`);
    },
  });
  say(`Ready after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  const close = async (): Promise<void> => {
    await session.close();
    device.destroy();
  };
  return { session, tokenizer, recommended, close };
}

function wantedDtype(): WeightFormat | undefined {
  const { value } = element<HTMLSelectElement>('dtype');
  return weightFormats.find((format) => format === value);
}

/** Half floats where the GPU computes with them: half the download, half the memory traffic. */
function suited({ limits }: Device, dtypes: readonly WeightFormat[]): WeightFormat | undefined {
  return limits.shaderF16 && dtypes.includes('fp16') ? 'fp16' : dtypes[0];
}

function showFacts(device: Device, { task, dtype, memory }: Session): void {
  element('adapter').textContent = device.name;
  element('task').textContent = task;
  element('weights').textContent = `${dtype}, ${megabytes(memory.weights)}`;
  facts.hidden = false;
}

function say(text: string): void {
  element('status').textContent = text;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
