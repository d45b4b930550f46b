// The rotary base of each layer type. transformers 5 reads one from `rope_parameters`, then from the
// older spelling, then takes a default that differs between the types; 4.x had one base for all
// layers, whatever the file said.

import type { LayerType } from '../base/config.ts';
import type { JsonValue } from '../base/json.ts';
import {
  invalid,
  isObject,
  realOf,
  show,
  unsupported,
  type Fields,
  type Range,
  type Warn,
} from './fields.ts';
import { writtenByVersion5 } from './version.ts';

const older: Readonly<Record<LayerType, string>> = {
  full_attention: 'global_rope_theta',
  sliding_attention: 'local_rope_theta',
};
const defaults: Readonly<Record<LayerType, number>> = {
  full_attention: 160_000,
  sliding_attention: 10_000,
};
const thetaRange: Range = {
  min: Number.MIN_VALUE,
  max: Number.MAX_VALUE,
  says: 'a positive number',
};

/** The rotary base of each layer type. */
export function readThetas(fields: Fields, warn: Warn): Readonly<Record<LayerType, number>> {
  checkScaling(fields.get('rope_scaling') ?? null);
  const parameters = readParameters(fields);
  const thetas = {
    full_attention: readTheta(fields, parameters, 'full_attention', warn),
    sliding_attention: readTheta(fields, parameters, 'sliding_attention', warn),
  };
  const single = fields.get('rope_theta');
  if (single !== undefined && single !== thetas.full_attention) {
    warn('rope_theta is not read by this architecture: its bases are global and local ones');
  }
  return thetas;
}

/** Warns when transformers 4.x, which may have trained the model, computed other rotations. */
export function warnOfVersion4(
  fields: Fields,
  thetas: Readonly<Record<LayerType, number>>,
  types: readonly LayerType[],
  warn: Warn,
): void {
  if (writtenByVersion5(fields)) return;
  const named = fields.get(older.full_attention);
  const base = typeof named === 'number' ? named : defaults.full_attention;
  const differing = [...new Set(types)].filter((type) => thetas[type] !== base);
  if (differing.length === 0) return;
  warn(
    `transformers 4.54 to 4.57 used the rotary base ${base} in every layer; this conversion follows ` +
      `5.x, which uses ${differing.map((type) => `${thetas[type]} for ${type}`).join(' and ')}`,
  );
}

function readParameters(fields: Fields): Fields {
  const field = 'rope_parameters';
  const value = fields.get(field) ?? null;
  if (value === null) return new Map();
  if (!isObject(value)) throw invalid(field, value, 'an object is expected');
  for (const [type, parameters] of value) {
    if (!Object.hasOwn(defaults, type) || !isObject(parameters)) {
      throw invalid(
        field,
        value,
        'an object for full_attention and one for sliding_attention is expected',
      );
    }
  }
  return value;
}

function readTheta(fields: Fields, parameters: Fields, type: LayerType, warn: Warn): number {
  const path = `rope_parameters.${type}`;
  const own = parameters.get(type);
  if (isObject(own)) {
    const rope = own.get('rope_type') ?? own.get('type') ?? 'default';
    if (rope !== 'default') throw unsupportedRope(`${path}.rope_type`, rope);
    warnOfUnread(own, path, warn);
    const theta = own.get('rope_theta');
    if (theta !== undefined) return realOf(theta, `${path}.rope_theta`, thetaRange);
  }
  const theta = fields.get(older[type]);
  return theta === undefined ? defaults[type] : realOf(theta, older[type], thetaRange);
}

function warnOfUnread(parameters: Fields, path: string, warn: Warn): void {
  const known = new Set(['rope_type', 'type', 'rope_theta']);
  const unread = [...parameters.keys()].filter((key) => !known.has(key));
  if (unread.length > 0) {
    warn(`${path} names ${show(unread)}, which the default rotation does not read`);
  }
}

/** An object that only says `default` changes nothing. */
function checkScaling(scaling: JsonValue): void {
  if (scaling === null) return;
  const harmless =
    isObject(scaling) &&
    [...scaling].every(
      ([key, value]) => (key === 'rope_type' || key === 'type') && value === 'default',
    );
  if (!harmless) throw unsupportedRope('rope_scaling', scaling);
}

function unsupportedRope(field: string, value: JsonValue): Error {
  return unsupported(
    field,
    value,
    'scaled rotations are not supported: with the default rotation every position after the first would get other logits',
  );
}
