// Names of tensors as transformers gives them to a model with a head, whatever wrappers a trainer
// saved the model in. Checkpoints of something else are told by their names and refused.

import { ToolkitError } from '../base/errors.ts';
import type { TensorRef } from '../base/tensors.ts';
import { refuseForeignKeys } from './foreign-keys.ts';

export interface NamedTensors {
  readonly tensors: ReadonlyMap<string, TensorRef>;
  readonly warnings: readonly string[];
}

/** Wrappers of torch and of its trainers: segments of a name that a model itself never has. */
const wrappers: ReadonlySet<string> = new Set([
  'module',
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
]);

const baseName = /^(?:embeddings|layers|final_norm)\./;
const headName = /^(?:lm_head|decoder|head|classifier)\./;

/** Takes prefixes off, drops rotary buffers, and refuses what is no ModernBertDecoder. */
export function nameTensors(stored: readonly TensorRef[]): NamedTensors {
  const kept = stored.filter(({ name }) => !name.endsWith('inv_freq'));
  refuseForeignKeys(kept);
  const unwrapped = kept.map(({ name }) => unwrap(name));
  const nested = unwrapped.some(({ name }) => name.startsWith('model.model.'));
  const bare = unwrapped.some(({ name }) => baseName.test(name));
  const tensors = new Map<string, TensorRef>();
  const before = new Map<string, string>();
  for (const [index, tensor] of kept.entries()) {
    const name = complete(unwrapped[index]?.name ?? tensor.name, nested);
    const other = before.get(name);
    if (other !== undefined) refuseTwice(name, [other, tensor.name], tensor.file);
    before.set(name, tensor.name);
    tensors.set(name, name === tensor.name ? tensor : { ...tensor, name });
  }
  const taken = new Set(unwrapped.flatMap(({ wrappers: found }) => found));
  if (nested) taken.add('model');
  return { tensors, warnings: [...takenWarning(taken), ...bareWarning(bare, tensors)] };
}

function unwrap(stored: string): { readonly name: string; readonly wrappers: readonly string[] } {
  const segments = stored.split('.');
  return {
    name: segments.filter((segment) => !wrappers.has(segment)).join('.'),
    wrappers: segments.filter((segment) => wrappers.has(segment)),
  };
}

function complete(name: string, nested: boolean): string {
  if (nested && name.startsWith('model.')) return name.slice('model.'.length);
  return baseName.test(name) ? `model.${name}` : name;
}

function refuseTwice(name: string, stored: readonly string[], file: string): never {
  throw new ToolkitError(
    'WEIGHT_DUPLICATE',
    "two tensors have the same name once trainers' prefixes are taken off",
    {
      where: { tensor: name, stored, file },
      fix: 'save the unwrapped model again with save_pretrained',
    },
  );
}

function takenWarning(taken: ReadonlySet<string>): readonly string[] {
  if (taken.size === 0) return [];
  const prefixes = [...taken].map((prefix) => `${prefix}.`).join(' and ');
  return [`tensor names carried ${prefixes} of a training wrapper; it was taken off`];
}

/** A base model is saved without `model.`; a model with a head is not, by transformers. */
function bareWarning(bare: boolean, tensors: ReadonlyMap<string, TensorRef>): readonly string[] {
  if (!bare || ![...tensors.keys()].some((name) => headName.test(name))) return [];
  return ['tensor names lacked the prefix model. of a model with a head; it was added'];
}
