// Which initializers of several models are made of the same tensors: these are read together.

import { ToolkitError } from '../base/errors.ts';
import { sizeOf } from '../base/tensors.ts';
import type { Initializer } from '../ir/graph.ts';

/** Values that are made once, and the initializers of models that hold them, each in its dtype. */
export interface Form {
  readonly initializer: Initializer;
  readonly users: readonly { readonly model: number; readonly initializer: Initializer }[];
}

/** For each group of tensors, in the order of the first model, what is made of them. */
export function sharedWeights(
  models: readonly (readonly Initializer[])[],
): readonly (readonly Form[])[] {
  const orders = models.map((initializers) => originsOf(initializers));
  const [first = []] = orders;
  if (orders.some((order) => order.join('\0') !== first.join('\0'))) {
    throw new ToolkitError('INTERNAL', 'models that are written together have different weights');
  }
  const users = models.flatMap((initializers, model) =>
    initializers.map((initializer) => ({ model, initializer })),
  );
  return first.map((origin) =>
    formsOf(users.filter(({ initializer }) => originOf(initializer) === origin)),
  );
}

/** The groups of tensors that a model is made of, each once. */
function originsOf(initializers: readonly Initializer[]): readonly string[] {
  return [...new Set(initializers.flatMap((each) => originOf(each) ?? []))];
}

/** Undefined for what is made of no tensors: values that stand in the graph, empty weights. */
function originOf({ name, type, recipe }: Initializer): string | undefined {
  if (sizeOf(type.shape) === 0) return undefined;
  switch (recipe.kind) {
    case 'weight':
    case 'blocks':
      return recipe.tensors.join('\n');
    case 'rotary':
      return name;
    default:
      return undefined;
  }
}

function formsOf(users: Form['users']): readonly Form[] {
  const byKey = new Map<string, Form['users'][number][]>();
  for (const user of users) {
    const key = formKey(user.initializer);
    byKey.set(key, [...(byKey.get(key) ?? []), user]);
  }
  return [...byKey.values()].flatMap((list) => {
    const [first] = list;
    return first ? [{ initializer: first.initializer, users: list }] : [];
  });
}

/** Floats are cast by whoever writes them; how zero points are packed is the dtype's to say. */
function formKey({ type, recipe }: Initializer): string {
  const dtype = recipe.kind === 'blocks' ? type.dtype : '';
  return JSON.stringify([recipe, type.shape, dtype]);
}
