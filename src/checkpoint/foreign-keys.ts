import { ToolkitError } from '../base/errors.ts';
import type { TensorRef } from '../base/tensors.ts';

/** What to do with an adapter: said wherever one is met. */
export const mergeFix: string =
  'merge it first, in Python: PeftModel.from_pretrained(base, folder).merge_and_unload().save_pretrained(merged)';

interface Foreign {
  readonly names: RegExp;
  readonly rule: string;
  readonly fix: string;
}

const foreign: readonly Foreign[] = [
  {
    names: /\blora_|^base_model\.|\.(?:modules_to_save|base_layer)\./,
    rule: 'these are weights of a LoRA adapter, not of a whole model',
    fix: mergeFix,
  },
  {
    names: /\battn\.Wqkv\./,
    rule: 'this is a ModernBERT encoder (it has attn.Wqkv), not a decoder',
    fix: 'use the decoder of this family, or another exporter for encoders',
  },
  {
    names: /\.(?:qweight|qzeros|absmax|SCB|weight_packed|quant_map)$/,
    rule: 'these weights are quantized, and only float weights are supported',
    fix: 'convert the checkpoint that was quantized',
  },
  {
    names:
      /^(?:module\.|_orig_mod\.|model\.)*(?!(?:lm_head|head|decoder|classifier)\.)(?:[a-z]+_)*(?:score|outputs?|pooler|head|heads|classifier|classifiers|cls|regressor|logits|summary)\./,
    rule: 'this model has a head of neither a causal language model nor a sequence classifier',
    fix: 'heads are lm_head with decoder, and head with classifier; save the model with one of them',
  },
];

/** Refuses checkpoints of another kind, by a tensor that only they have. */
export function refuseForeignKeys(tensors: readonly TensorRef[]): void {
  for (const { names, rule, fix } of foreign) {
    const found = tensors.find(({ name }) => names.test(name));
    if (found === undefined) continue;
    throw new ToolkitError('UNSUPPORTED_CHECKPOINT', rule, {
      where: { tensor: found.name, file: found.file },
      fix,
    });
  }
}
