// Which layers see the whole past and which a window of it.

import type { LayerConfig, LayerType } from '../base/config.ts';
import type { JsonValue } from '../base/json.ts';
import {
  integer,
  integerOf,
  invalid,
  sizeRange,
  unsupported,
  type Fields,
  type Warn,
} from './fields.ts';
import { readThetas, warnOfVersion4 } from './rope.ts';
import { readWindow } from './window.ts';

/** A layer is a record here; a count of millions would be a denial of service. */
const layerRange = { min: 1, max: 10_000 };

// transformers 5 renames this one while it loads.
const names: ReadonlyMap<JsonValue, LayerType> = new Map([
  ['full_attention', 'full_attention'],
  ['attention', 'full_attention'],
  ['sliding_attention', 'sliding_attention'],
]);

/** Type, window and rotary base of every layer. */
export function readLayers(fields: Fields, warn: Warn): readonly LayerConfig[] {
  const types = readTypes(fields, integer(fields, 'num_hidden_layers', 22, layerRange));
  const thetas = readThetas(fields, warn);
  warnOfVersion4(fields, thetas, types, warn);
  const window = types.includes('sliding_attention') ? readWindow(fields, warn) : -1;
  return types.map((type) => ({
    type,
    window: type === 'full_attention' ? -1 : window,
    ropeTheta: thetas[type],
  }));
}

function readTypes(fields: Fields, count: number): readonly LayerType[] {
  const list = fields.get('layer_types') ?? null;
  if (list === null) return periodicTypes(fields, count);
  if (!Array.isArray(list)) throw invalid('layer_types', list, 'a list of names is expected');
  const items: readonly JsonValue[] = list;
  if (items.length !== count) {
    throw invalid(
      'num_hidden_layers',
      count,
      `layer_types has to name one type for each layer, and names ${items.length}`,
    );
  }
  return items.map((item, index) => typeOf(item, `layer_types[${index}]`));
}

function typeOf(item: JsonValue, field: string): LayerType {
  if (typeof item !== 'string') throw invalid(field, item, 'a name is expected');
  const type = names.get(item);
  if (type !== undefined) return type;
  throw unsupported(
    field,
    item,
    'a layer of this architecture is full_attention or sliding_attention; another would attend to other tokens',
  );
}

/** The first layer and every n-th after it see everything. */
function periodicTypes(fields: Fields, count: number): readonly LayerType[] {
  const name = 'global_attn_every_n_layers';
  const every = integerOf(fields.get(name) ?? (fields.has(name) ? null : 3), name, sizeRange);
  return Array.from({ length: count }, (_, index) =>
    index % every === 0 ? 'full_attention' : 'sliding_attention',
  );
}
