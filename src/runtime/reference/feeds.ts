// Holds what a caller feeds against the graph's inputs. The reference trusts nothing here: a batch
// of another size would be read as numbers that are not there.

import { ToolkitError } from '../../base/errors.ts';
import type { Feeds } from '../../base/runner.ts';
import { formatShape, sizeOf, type Tensor, type TensorType } from '../../base/tensors.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Values } from './program.ts';
import { valueOf } from './tensors.ts';

/** The values of a run's inputs, each with the dtype and shape that the graph declares. */
export function readFeeds(inputs: readonly GraphValue[], feeds: Feeds): Values {
  const names = new Set(inputs.map(({ name }) => name));
  const unknown = Object.keys(feeds).find((name) => !names.has(name));
  if (unknown !== undefined) fail('the model has no such input', unknown);
  const symbols = new Map<string, number>();
  return new Map(
    inputs.map(({ name, type }) => {
      const tensor = feeds[name] ?? fail('the model needs this input', name);
      checkTensor(name, tensor, type, symbols);
      return [name, valueOf(tensor)];
    }),
  );
}

function checkTensor(
  name: string,
  { dtype, shape, data }: Tensor,
  type: TensorType,
  symbols: Map<string, number>,
): void {
  const wanted = `${type.dtype} ${formatShape(type.shape)}`;
  const got = `${dtype} ${formatShape(shape)}`;
  const fits =
    dtype === type.dtype &&
    data.length === sizeOf(shape) &&
    (type.shape.length === 0 ? data.length === 1 : shapeFits(shape, type, symbols));
  if (!fits) fail(`an input is ${wanted}, with one size for each name`, name, { got });
}

/** Whether the sizes are those declared; a name stands for the size it was first met with. */
function shapeFits(
  shape: readonly number[],
  { shape: declared }: TensorType,
  symbols: Map<string, number>,
): boolean {
  if (shape.length !== declared.length) return false;
  return shape.every((size, axis) => {
    const dim = declared[axis] ?? null;
    if (typeof dim !== 'string') return dim === null || dim === size;
    const known = symbols.get(dim) ?? size;
    symbols.set(dim, known);
    return known === size;
  });
}

function fail(rule: string, input: string, more: Readonly<Record<string, string>> = {}): never {
  throw new ToolkitError('RUNTIME_FAILED', rule, { where: { input, ...more } });
}
