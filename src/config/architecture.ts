// Which model a config describes, and the task of its head. Only code that transformers itself ships
// has known semantics, so anything else is refused by its name.

import { ToolkitError } from '../base/errors.ts';
import type { Task } from '../base/config.ts';
import type { JsonValue } from '../base/json.ts';
import { invalid, isObject, show, type Fields, type Warn } from './fields.ts';

const modelType = 'modernbert-decoder';

const tasks: ReadonlyMap<string, Task> = new Map([
  ['ModernBertDecoderForCausalLM', 'text-generation'],
  ['ModernBertDecoderForSequenceClassification', 'text-classification'],
  ['ModernBertDecoderModel', 'feature-extraction'],
]);

const encoder =
  'this is the ModernBERT encoder, which attends in both directions; the decoder is another model';

const decoders = `give a checkpoint of a model_type ${modelType}, as the Ettin decoders are`;

/** The task named by `architectures`, undefined when none is named; refuses other models. */
export function readArchitecture(fields: Fields, warn: Warn): Task | undefined {
  const architecture = firstArchitecture(fields);
  checkModelType(fields, architecture, warn);
  checkRemoteCode(fields);
  if (architecture === undefined) return undefined;
  const task = tasks.get(architecture);
  if (task !== undefined) return task;
  const why = /^ModernBert(?!Decoder)/.test(architecture)
    ? encoder
    : `the heads that are supported are ${[...tasks.keys()].join(', ')}`;
  throw unsupportedModel('architectures', architecture, why, decoders);
}

function firstArchitecture(fields: Fields): string | undefined {
  const list = fields.get('architectures') ?? [];
  if (!Array.isArray(list)) throw invalid('architectures', list, 'a list of names is expected');
  const [first]: readonly JsonValue[] = list;
  if (first === undefined) return undefined;
  if (typeof first !== 'string')
    throw invalid('architectures', list, 'a list of names is expected');
  return first;
}

function checkModelType(fields: Fields, architecture: string | undefined, warn: Warn): void {
  const type = fields.get('model_type');
  if (type === modelType) return;
  if (type === undefined && architecture !== undefined && tasks.has(architecture)) {
    warn(`config.json names no model_type; ${architecture} says that it is ${modelType}`);
    return;
  }
  if (type === undefined) {
    const why = 'config.json does not say what model this is';
    throw unsupportedModel('model_type', null, why, decoders);
  }
  if (typeof type !== 'string') throw invalid('model_type', type, 'a string is expected');
  const why = type === 'modernbert' ? encoder : 'this is no ModernBERT decoder';
  throw unsupportedModel('model_type', type, why, decoders);
}

function checkRemoteCode(fields: Fields): void {
  const map = fields.get('auto_map');
  if (map === undefined || map === null || (isObject(map) && map.size === 0)) return;
  throw unsupportedModel(
    'auto_map',
    map,
    'the checkpoint brings code of its own, whose mathematics is unknown here',
    'load it into the class of transformers in Python, and save it with save_pretrained',
  );
}

function unsupportedModel(field: string, value: JsonValue, why: string, fix: string): ToolkitError {
  return new ToolkitError('UNSUPPORTED_ARCHITECTURE', why, {
    where: { field, value: typeof value === 'string' ? value : show(value) },
    fix,
  });
}
