// A pickle is a program, and unpickling runs it. This machine knows the opcodes that torch.save
// writes and calls nothing: what a global, a call and a reference outside mean is up to the caller,
// who knows a handful of names. Stack, memo and values are bounded, so that a small file stays small.

import { ToolkitError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/json-file.ts';
import type { TorchObject } from './torch-objects.ts';

/** A value of the machine; a tuple is a frozen array, a dict of any class a map. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | readonly PickleValue[]
  | ReadonlyMap<string, PickleValue>
  | TorchObject;

/** The meaning of the opcodes that reach outside; each refuses by throwing. */
export interface PickleMeaning {
  global(name: string): PickleValue;
  call(callable: PickleValue, args: readonly PickleValue[]): PickleValue;
  persistent(id: PickleValue): PickleValue;
}

// 100,000 tensors make 700,000 containers, and stand on the stack a thousand at a time.
const maxContainers = 2_000_000;
const maxStack = 100_000;

/** Runs a pickle of protocol 2 to its end and returns its value. */
export function unpickle(bytes: Uint8Array, file: string, meaning: PickleMeaning): PickleValue {
  const machine = new Machine(bytes, file, meaning);
  for (;;) {
    const opcode = machine.unsigned(1);
    if (opcode === stop) return machine.result();
    const step = opcodes[opcode];
    if (step === undefined) {
      const where = { opcode: `0x${opcode.toString(16)}` };
      return machine.fail('the pickle holds an opcode that torch.save does not write', where);
    }
    step(machine);
  }
}

class Machine {
  readonly meaning: PickleMeaning;
  readonly #view: DataView;
  readonly #file: string;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;
  #containers = 0;

  constructor(bytes: Uint8Array, file: string, meaning: PickleMeaning) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.meaning = meaning;
  }

  take(length: number): DataView {
    if (length > this.#view.byteLength - this.#at) this.fail('the pickle ends in the middle');
    const view = new DataView(this.#view.buffer, this.#view.byteOffset + this.#at, length);
    this.#at += length;
    return view;
  }

  unsigned(width: 1 | 2 | 4): number {
    const view = this.take(width);
    if (width === 1) return view.getUint8(0);
    return width === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
  }

  text(length: number): string {
    const { buffer, byteOffset } = this.take(length);
    const text = decodeUtf8(new Uint8Array(buffer, byteOffset, length));
    return text ?? this.fail('a string is not UTF-8');
  }

  line(): string {
    let length = 0;
    while (this.#at + length < this.#view.byteLength) {
      if (this.#view.getUint8(this.#at + length) === 0x0a) break;
      length++;
    }
    const line = this.text(length);
    this.take(1);
    return line;
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= maxStack) this.fail('too many values are nested or listed at once');
    this.#stack.push(value);
  }

  pushContainer(value: PickleValue): void {
    if (++this.#containers > maxContainers)
      this.fail('the pickle holds more values than a checkpoint needs');
    this.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined;
    return value === undefined
      ? this.fail('an opcode does not find its operands on the stack')
      : value;
  }

  popMany(count: number): readonly PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).toReversed();
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    if (this.#marks.length >= maxStack) this.fail('too many values are nested or listed at once');
    this.#marks.push(this.#stack.length);
  }

  popToMark(): readonly PickleValue[] {
    const mark = this.#marks.pop();
    return mark === undefined
      ? this.fail('an opcode does not find its mark')
      : this.#stack.splice(mark);
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  recall(key: number): PickleValue {
    const value = this.#memo.get(key);
    return value === undefined ? this.fail('a value is used that was not remembered') : value;
  }

  result(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0 || this.#at < this.#view.byteLength) {
      this.fail('the pickle does not end with a single value');
    }
    return value;
  }

  fail(rule: string, where = {}): never {
    throw new ToolkitError('TORCH_PICKLE', rule, {
      where: { file: this.#file, at: this.#at, ...where },
      fix: 'save the state dict again with torch.save, or better as safetensors',
    });
  }
}

const stop = 0x2e;

function pushTuple(machine: Machine, items: readonly PickleValue[]): void {
  machine.pushContainer(Object.freeze([...items]));
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map)) machine.fail('items are set in something that is not a dict');
  if (items.length % 2 !== 0) machine.fail('a key of a dict has no value');
  for (let i = 0; i < items.length; i += 2) {
    const [key, value] = [items[i], items[i + 1]];
    if (typeof key !== 'string' || value === undefined)
      return machine.fail('a key of a dict is not a string');
    if (dict.has(key)) machine.fail('a dict holds a key twice', { key });
    dict.set(key, value);
  }
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (!isList(list)) return machine.fail('items are appended to something that is not a list');
  for (const item of items) list.push(item);
}

function isList(value: PickleValue): value is PickleValue[] {
  return Array.isArray(value) && !Object.isFrozen(value);
}

/** An integer of Python, as long as it fits a number. */
function long(machine: Machine): number {
  const length = machine.unsigned(1);
  const view = machine.take(length);
  let value = 0n;
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(i));
  const signed = Number(BigInt.asIntN(length * 8, value));
  return Number.isSafeInteger(signed) ? signed : machine.fail('an integer is not below 2^53');
}

/** Attributes, which torch sets on the OrderedDict only, are of no use here. */
function build(machine: Machine): void {
  machine.pop();
  if (!(machine.top() instanceof Map))
    machine.fail('attributes are set on something that is not a dict');
}

function protocol(machine: Machine): void {
  const version = machine.unsigned(1);
  if (version !== 2)
    machine.fail('the pickle is not of protocol 2, which torch.save writes', { protocol: version });
}

function reduce(machine: Machine): void {
  const args = machine.pop();
  if (!Array.isArray(args)) return machine.fail('a call has no tuple of arguments');
  machine.pushContainer(machine.meaning.call(machine.pop(), args));
}

const opcodes: Readonly<Record<number, (machine: Machine) => void>> = {
  [0x28]: (m) => m.mark(), // MARK
  [0x29]: (m) => pushTuple(m, []), // EMPTY_TUPLE
  [0x47]: (m) => m.push(m.take(8).getFloat64(0)), // BINFLOAT
  [0x4a]: (m) => m.push(m.take(4).getInt32(0, true)), // BININT
  [0x4b]: (m) => m.push(m.unsigned(1)), // BININT1
  [0x4d]: (m) => m.push(m.unsigned(2)), // BININT2
  [0x4e]: (m) => m.push(null), // NONE
  [0x51]: (m) => m.pushContainer(m.meaning.persistent(m.pop())), // BINPERSID
  [0x52]: reduce, // REDUCE
  [0x58]: (m) => m.push(m.text(m.unsigned(4))), // BINUNICODE
  [0x5d]: (m) => m.pushContainer([]), // EMPTY_LIST
  [0x61]: (m) => append(m, [m.pop()]), // APPEND
  [0x62]: build, // BUILD
  [0x63]: (m) => m.push(m.meaning.global(`${m.line()}.${m.line()}`)), // GLOBAL
  [0x65]: (m) => append(m, m.popToMark()), // APPENDS
  [0x68]: (m) => m.push(m.recall(m.unsigned(1))), // BINGET
  [0x6a]: (m) => m.push(m.recall(m.unsigned(4))), // LONG_BINGET
  [0x71]: (m) => m.remember(m.unsigned(1)), // BINPUT
  [0x72]: (m) => m.remember(m.unsigned(4)), // LONG_BINPUT
  [0x73]: (m) => setItems(m, m.popMany(2)), // SETITEM
  [0x74]: (m) => pushTuple(m, m.popToMark()), // TUPLE
  [0x75]: (m) => setItems(m, m.popToMark()), // SETITEMS
  [0x7d]: (m) => m.pushContainer(new Map()), // EMPTY_DICT
  [0x80]: protocol, // PROTO
  [0x85]: (m) => pushTuple(m, m.popMany(1)), // TUPLE1
  [0x86]: (m) => pushTuple(m, m.popMany(2)), // TUPLE2
  [0x87]: (m) => pushTuple(m, m.popMany(3)), // TUPLE3
  [0x88]: (m) => m.push(true), // NEWTRUE
  [0x89]: (m) => m.push(false), // NEWFALSE
  [0x8a]: (m) => m.push(long(m)), // LONG1
};
