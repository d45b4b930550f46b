// Goldens: prompts, and the outputs that a trusted implementation computed for them.
//
// A golden file is safetensors: `<prompt>/input_ids`, `<prompt>/attention_mask`, one of
// `<prompt>/logits` and `<prompt>/last_hidden_state`, and `<prompt>/greedy` where the continuation
// was recorded. Outputs may cover the last positions only, which keeps long prompts small.

import { ToolkitError } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import type { StoredDType } from '../base/dtypes.ts';
import type { TensorRef } from '../base/tensors.ts';
import { readSafetensors, writeSafetensors, type TensorBytes } from '../checkpoint/safetensors.ts';
import { checkPrompt, checkSameTask } from './golden-rules.ts';
import type { Golden, GoldenPrompt, Ids, Reals } from './prompt.ts';

export type { Golden, GoldenPrompt, Ids, Reals } from './prompt.ts';

type Part = 'input_ids' | 'attention_mask' | 'logits' | 'last_hidden_state' | 'greedy';

const storedAs: Readonly<Record<Part, StoredDType>> = {
  input_ids: 'I64',
  attention_mask: 'I64',
  logits: 'F32',
  last_hidden_state: 'F32',
  greedy: 'I64',
};

/** Reads a golden file, and fails with GOLDEN_INVALID where it breaks a rule. */
export async function readGolden(source: ByteSource): Promise<Golden> {
  const { tensors, metadata } = await readSafetensors(source);
  const byPrompt = new Map<string, Map<Part, TensorRef>>();
  for (const tensor of tensors) {
    const [prompt, part] = splitName(tensor);
    const parts = byPrompt.get(prompt) ?? new Map<Part, TensorRef>();
    byPrompt.set(prompt, parts.set(part, tensor));
  }
  const prompts: GoldenPrompt[] = [];
  for (const name of [...byPrompt.keys()].toSorted()) {
    const prompt = await readPrompt(name, byPrompt.get(name) ?? new Map());
    checkPrompt(prompt, source.name);
    prompts.push(prompt);
  }
  return { task: checkSameTask(prompts, source.name), prompts, metadata };
}

/** The bytes of a golden file. The same golden gives the same bytes. */
export function writeGolden({ prompts, metadata }: Golden): Uint8Array {
  const tensors = prompts.flatMap((prompt): readonly TensorBytes[] => {
    checkPrompt(prompt, 'golden');
    const { name, inputIds, attentionMask, logits, lastHiddenState, greedy } = prompt;
    return [
      ...partOf(name, 'input_ids', inputIds),
      ...partOf(name, 'attention_mask', attentionMask),
      ...partOf(name, 'logits', logits),
      ...partOf(name, 'last_hidden_state', lastHiddenState),
      ...partOf(name, 'greedy', greedy),
    ];
  });
  checkSameTask(prompts, 'golden');
  return writeSafetensors(tensors, new Map([...metadata].toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

function partOf(prompt: string, part: Part, tensor: Ids | Reals | undefined): TensorBytes[] {
  if (tensor === undefined) return [];
  const { shape, data } = tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [{ name: `${prompt}/${part}`, dtype: storedAs[part], shape, bytes }];
}

function splitName({ name, dtype, file }: TensorRef): [prompt: string, part: Part] {
  const slash = name.lastIndexOf('/');
  const part = name.slice(slash + 1);
  const where = { file, tensor: name };
  if (slash < 1 || !isPart(part)) {
    throw new ToolkitError('GOLDEN_INVALID', 'a golden file has no tensor of this name', {
      where,
      fix: `names are <prompt>/<one of ${Object.keys(storedAs).join(', ')}>`,
    });
  }
  if (dtype !== storedAs[part]) {
    throw new ToolkitError('GOLDEN_INVALID', `this tensor of a golden is ${storedAs[part]}`, {
      where: { ...where, dtype },
    });
  }
  return [name.slice(0, slash), part];
}

function isPart(text: string): text is Part {
  return Object.hasOwn(storedAs, text);
}

async function readPrompt(
  name: string,
  parts: ReadonlyMap<Part, TensorRef>,
): Promise<GoldenPrompt> {
  const ids = async (part: Part): Promise<Ids | undefined> => {
    const ref = parts.get(part);
    if (ref === undefined) return undefined;
    return { dtype: 'int64', shape: ref.shape, data: new BigInt64Array(await bufferOf(ref)) };
  };
  const reals = async (part: Part): Promise<Reals | undefined> => {
    const ref = parts.get(part);
    if (ref === undefined) return undefined;
    return { dtype: 'float32', shape: ref.shape, data: new Float32Array(await bufferOf(ref)) };
  };
  const none: Ids = { dtype: 'int64', shape: [], data: new BigInt64Array() };
  const logits = await reals('logits');
  const lastHiddenState = await reals('last_hidden_state');
  const greedy = await ids('greedy');
  return {
    name,
    inputIds: (await ids('input_ids')) ?? none,
    attentionMask: (await ids('attention_mask')) ?? none,
    ...(logits === undefined ? {} : { logits }),
    ...(lastHiddenState === undefined ? {} : { lastHiddenState }),
    ...(greedy === undefined ? {} : { greedy }),
  };
}

/** A tensor's bytes in memory of their own, which views of wide elements need. */
async function bufferOf(ref: TensorRef): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(ref.size);
  await ref.read(0, ref.size, new Uint8Array(buffer));
  return buffer;
}
