// What config.json leaves out though the checkpoint has it. transformers passes such tensors over,
// and the model computes something else than the one that was trained.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { ToolkitError } from '../base/errors.ts';
import type { TensorRef } from '../base/tensors.ts';
import type { Graph } from '../ir/graph.ts';
import { type Tensors, unusedTensors, usedTensors } from './bind.ts';

/** The switch of a bias, by its module. */
const switches: readonly (readonly [module: RegExp, field: string])[] = [
  [/norm\.bias$/, 'norm_bias'],
  [/\.attn\.\w+\.bias$/, 'attention_bias'],
  [/\.mlp\.\w+\.bias$/, 'mlp_bias'],
  [/^decoder\.bias$/, 'decoder_bias'],
  [/^(?:lm_head\.dense|head\.dense|classifier)\.bias$/, 'classifier_bias'],
];

/** Throws at a layer beyond the last, and at a bias that is turned off. */
export function refuseLeftOut(
  { config, task }: { readonly config: ModernBertDecoderConfig; readonly task: Task },
  graph: Graph,
  tensors: Tensors,
): void {
  const count = config.layers.length;
  const used = usedTensors(graph);
  const read = (bias: string): boolean =>
    used.has(bias.replace(/bias$/, 'weight')) ||
    (bias === 'decoder.bias' && task === 'text-generation'); // its weight may be the embedding
  for (const name of unusedTensors(graph, tensors)) {
    const layer = Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1);
    const field = switches.find(([module]) => module.test(name))?.[1];
    if (layer >= count) {
      refuse('num_hidden_layers', `${count}, and the checkpoint has more`, tensors.get(name));
    }
    if (field !== undefined && read(name)) {
      refuse(field, 'false, and the checkpoint has such a bias', tensors.get(name));
    }
  }
}

function refuse(field: string, says: string, tensor: TensorRef | undefined): never {
  throw new ToolkitError('WEIGHT_UNEXPECTED', `config.json says ${field} ${says}`, {
    where: { tensor: tensor?.name ?? '', file: tensor?.file ?? '' },
    fix: `set ${field} to what the checkpoint has, or save the model again without it`,
  });
}
