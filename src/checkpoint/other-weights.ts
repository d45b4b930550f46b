// Weights that are not read: beside those that are, a warning; alone in a folder, a refusal that
// says what they are.

import { type ErrorContext, printable, ToolkitError } from '../base/errors.ts';
import { mergeFix } from './foreign-keys.ts';

/** Warnings about weights in the folder that were not read. */
export function passedOver(present: readonly string[], read: readonly string[]): readonly string[] {
  const others = present.filter((name) => !read.includes(name) && weights.test(name));
  const warnings =
    others.length === 0
      ? []
      : [`weights beside ${read[0] ?? ''} are passed over: ${others.map(printable).join(', ')}`];
  if (!present.includes('adapter_config.json')) return warnings;
  return [...warnings, `a LoRA adapter lies beside the weights and is not applied: ${mergeFix}`];
}

const weights =
  /^(?:model(?:-\d+-of-\d+)?\.safetensors|pytorch_model(?:-\d+-of-\d+)?\.bin|flax_model\.msgpack|tf_model\.h5)$/;

interface Other {
  readonly names: RegExp;
  readonly rule: string;
  readonly fix: string;
}

const others: readonly Other[] = [
  {
    names: /^adapter_(?:config\.json|model\.(?:safetensors|bin))$/,
    rule: 'this is a LoRA adapter, not a whole model',
    fix: mergeFix,
  },
  {
    names: /\.gguf$/,
    rule: 'this is a GGUF model, not a checkpoint of transformers',
    fix: 'convert the checkpoint that the GGUF was made from',
  },
  {
    names: /\.onnx$|^onnx$/,
    rule: 'this model is ONNX already, not a checkpoint of transformers',
    fix: 'convert the checkpoint that it was made from, or inspect the .onnx file itself',
  },
  {
    names: /^flax_model.*\.msgpack|^tf_model.*\.h5|\.ckpt\.index$/,
    rule: 'these weights are of Flax or TensorFlow, and only those of PyTorch are supported',
    fix: 'load them in Python with from_flax=True or from_tf=True and save them with save_pretrained',
  },
];

/** Fails when a place holds weights of another kind, and none that are read. */
export function refuseOthers(place: ErrorContext, present: readonly string[]): void {
  if (present.some((name) => read.test(name))) return;
  for (const { names, rule, fix } of others) {
    const file = present.find((name) => names.test(name));
    if (file === undefined) continue;
    throw new ToolkitError('UNSUPPORTED_CHECKPOINT', rule, { where: { ...place, file }, fix });
  }
}

const read = /^(?:model\.safetensors|pytorch_model\.bin)(?:\.index\.json)?$/;

/** Fails: the folder has none of the files that are looked for. */
export function refuseFolder(
  folder: string,
  present: readonly string[],
  lookedFor: readonly string[],
): never {
  refuseOthers({ folder }, present);
  const found = present.filter((name) => /\.(?:safetensors|bin|pth?|ckpt)$/.test(name));
  throw new ToolkitError('INPUT_MISSING', 'the folder holds no weights', {
    where: { folder, looked_for: lookedFor, ...(found.length === 0 ? {} : { found }) },
    fix:
      found.length === 0
        ? 'give the folder that save_pretrained wrote'
        : 'give the weights one of the names looked for, or save the model with save_pretrained',
  });
}
