// Holds a graph's weights against a checkpoint before anything is read: every weight is found, with
// the shape the config says, and every tensor is used or reported.

import type { ModernBertDecoderConfig, Task } from '../base/config.ts';
import { isFloatDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { formatShape, type TensorRef } from '../base/tensors.ts';
import type { Graph, Initializer } from '../ir/graph.ts';

export type Tensors = ReadonlyMap<string, TensorRef>;

/** The tensors that a head cannot do without, and the task that reads it. */
const headTensors: readonly (readonly [Task, string])[] = [
  ['text-generation', 'lm_head.dense.weight'],
  ['text-classification', 'classifier.weight'],
];

/** The task asked for, else the config's, else the one whose head the checkpoint has. */
export function chooseTask(
  asked: Task | undefined,
  config: ModernBertDecoderConfig,
  tensors: Tensors,
): Task {
  const available = headTensors.find(([, tensor]) => tensors.has(tensor))?.[0];
  const task = asked ?? config.task ?? available ?? 'feature-extraction';
  const head = headTensors.find(([of]) => of === task)?.[1];
  if (head !== undefined && !tensors.has(head)) {
    throw new ToolkitError('WEIGHT_MISSING', `the checkpoint has no head for ${task}`, {
      where: { tensor: head },
      fix: `choose --task ${available ?? 'feature-extraction'}, or the checkpoint that has the head`,
    });
  }
  return task;
}

/** Whether the vocabulary projection is the token table: the weights decide. */
export function isTied(config: ModernBertDecoderConfig, tensors: Tensors): boolean {
  if (tensors.has('decoder.weight')) return false;
  if (config.tieWordEmbeddings) return true;
  throw new ToolkitError(
    'WEIGHT_MISSING',
    'config.json says tie_word_embeddings false, and the checkpoint has no projection of its own',
    {
      where: { tensor: 'decoder.weight' },
      fix: 'save the checkpoint again with the head, or set tie_word_embeddings to true',
    },
  );
}

/** Throws at the first weight that is missing or has another shape or a dtype without floats. */
export function bindWeights(graph: Graph, tensors: Tensors): void {
  for (const initializer of graph.initializers) {
    for (const [name, shape] of partsOf(initializer)) bindTensor(name, shape, tensors);
  }
}

/** Names of the tensors that the graph reads. */
export function usedTensors(graph: Graph): ReadonlySet<string> {
  return new Set(graph.initializers.flatMap((init) => partsOf(init).map(([name]) => name)));
}

/** Names of the checkpoint's tensors that the graph does not read. */
export function unusedTensors(graph: Graph, tensors: Tensors): readonly string[] {
  const used = usedTensors(graph);
  return [...tensors.keys()].filter((name) => !used.has(name));
}

/** The tensors an initializer is made of, each with the shape it must have. */
function partsOf({
  type,
  recipe,
}: Initializer): readonly (readonly [name: string, shape: readonly number[]])[] {
  if (recipe.kind !== 'weight') return [];
  const [rows = 1, ...rest] = recipe.transpose ? type.shape.toReversed() : type.shape;
  return recipe.tensors.map((name) => [name, [rows / recipe.tensors.length, ...rest]]);
}

function bindTensor(name: string, shape: readonly number[], tensors: Tensors): void {
  const tensor = tensors.get(name);
  if (!tensor) {
    throw new ToolkitError('WEIGHT_MISSING', 'config.json asks for a tensor the checkpoint lacks', {
      where: { tensor: name, shape: formatShape(shape) },
      fix: 'check that config.json belongs to this checkpoint',
    });
  }
  const where = { tensor: name, file: tensor.file };
  if (tensor.shape.join() !== shape.join()) {
    throw new ToolkitError(
      'WEIGHT_SHAPE',
      `config.json asks for ${formatShape(shape)}, the checkpoint has ${formatShape(tensor.shape)}${reasonFor(name)}`,
      { where, fix: 'check that config.json belongs to this checkpoint' },
    );
  }
  if (!isFloatDType(tensor.dtype)) {
    throw new ToolkitError('WEIGHT_DTYPE', `weights must be F32, F16, BF16 or F64`, {
      where: { ...where, dtype: tensor.dtype },
      fix: 'save the checkpoint in one of these',
    });
  }
}

function reasonFor(name: string): string {
  if (name.includes('tok_embeddings') || name.startsWith('decoder.')) {
    return ' (rows are vocab_size; a resized vocabulary must be written to config.json too)';
  }
  return name.startsWith('classifier.') ? ' (rows are the labels of id2label)' : '';
}
