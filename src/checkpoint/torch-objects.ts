// The few names that a torch state dict needs, and what they mean as data. Everything else that a
// pickle names is refused, so nothing of it can run.

import type { StoredDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import type { PickleMeaning, PickleValue } from './pickle.ts';

interface TorchGlobal {
  readonly kind: 'global';
  readonly name: string;
}

/** A run of elements in an entry of the archive. */
export interface TorchStorage {
  readonly kind: 'storage';
  readonly dtype: StoredDType;
  /** The entry's name in the archive's data folder. */
  readonly key: string;
  /** Elements. */
  readonly count: number;
}

/** A view of a storage; offset and strides count elements. */
export interface TorchTensor {
  readonly kind: 'tensor';
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type TorchObject = TorchGlobal | TorchStorage | TorchTensor;

const storageTypes: ReadonlyMap<string, StoredDType> = new Map([
  ['torch.DoubleStorage', 'F64'],
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
  ['torch.ComplexFloatStorage', 'C64'],
]);

type Call = (args: readonly PickleValue[]) => PickleValue | undefined;

/** Calls by name; undefined when the arguments are not what torch passes. */
const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['collections.OrderedDict', (args) => (args.length === 0 ? new Map() : undefined)],
  ['torch.Size', ([size]) => integers(size)],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', ([data]) => tensorOf(data)],
  ['torch._utils._rebuild_parameter_with_state', ([data]) => tensorOf(data)],
]);

/** The meaning of a state dict's pickle; `file` is for messages. */
export function stateDictMeaning(file: string): PickleMeaning {
  const refuse = (rule: string, where = {}): never => {
    throw new ToolkitError('TORCH_PICKLE', rule, {
      where: { file, ...where },
      fix: 'nothing of the file was run; get the weights as safetensors from somebody you trust',
    });
  };
  return {
    global: (name) => {
      if (storageTypes.has(name) || calls.has(name)) return { kind: 'global', name };
      return refuse('the pickle names something that is no type of torch for state dicts', {
        global: name,
      });
    },
    call: (callable, args) => {
      const name = isObject(callable) && callable.kind === 'global' ? callable.name : 'a value';
      const call = calls.get(name);
      if (call === undefined)
        return refuse('the pickle calls something that is no function of torch for state dicts', {
          call: name,
        });
      return (
        call(args) ??
        refuse('the pickle calls a function of torch with unknown arguments', { call: name })
      );
    },
    persistent: (id) =>
      storageOf(id) ?? refuse('a reference out of the pickle does not lead to a storage'),
  };
}

/** A value that is a tensor. */
export function tensorOf(value: PickleValue | undefined): TorchTensor | undefined {
  return isObject(value) && value.kind === 'tensor' ? value : undefined;
}

/** Arguments: storage, offset, size, strides, requires_grad, hooks. */
function rebuildTensor(args: readonly PickleValue[]): TorchTensor | undefined {
  const [storage, offset] = args;
  const shape = integers(args[2]);
  const strides = integers(args[3]);
  if (!isObject(storage) || storage.kind !== 'storage' || !isCount(offset)) return undefined;
  if (shape === undefined || strides?.length !== shape.length) return undefined;
  return { kind: 'tensor', storage, offset, shape, strides };
}

/** `('storage', type, key, device, elements)`. */
function storageOf(id: PickleValue): TorchStorage | undefined {
  if (!Array.isArray(id) || id.length !== 5) return undefined;
  const [tag, type, key, , count]: readonly PickleValue[] = id;
  const name = isObject(type) && type.kind === 'global' ? type.name : '';
  const dtype = storageTypes.get(name);
  if (tag !== 'storage' || typeof key !== 'string' || !isCount(count)) return undefined;
  return dtype && { kind: 'storage', dtype, key, count };
}

function integers(value: PickleValue | undefined): readonly number[] | undefined {
  return Array.isArray(value) && value.every((item) => isCount(item)) ? value : undefined;
}

function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isObject(value: PickleValue | undefined): value is TorchObject {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
