import fc from 'fast-check';
import { SafeTensor } from 'safetensors';
import { describe, expect, test } from 'vitest';
import { storedBits, type StoredDType } from '../base/dtypes.ts';
import { ToolkitError } from '../base/errors.ts';
import { sizeOf } from '../base/tensors.ts';
import { bytesSource } from './memory-source.ts';
import { readSafetensors, writeSafetensors, type TensorBytes } from './safetensors.ts';

const read = (bytes: Uint8Array) => readSafetensors(bytesSource('x.safetensors', bytes));

async function verdict(bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes);
    return 'OK';
  } catch (error) {
    if (error instanceof ToolkitError) return error.code;
    throw error;
  }
}

function withHeader(header: string, data = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const tensor = (name: string, dtype: StoredDType, shape: readonly number[]): TensorBytes => {
  const size = (sizeOf(shape) * storedBits[dtype]) / 8;
  return {
    name,
    dtype,
    shape,
    bytes: Uint8Array.from({ length: size }, (_, i) => (i * 37 + 11) % 256),
  };
};

const three = writeSafetensors(
  [tensor('a', 'F32', [2, 2]), tensor('b', 'I64', [3]), tensor('c', 'U8', [5])],
  new Map([['format', 'pt']]),
);

describe('a file of three tensors', () => {
  test('cut off anywhere gives an error, never some of its tensors', async () => {
    const verdicts = new Set<string>();
    for (let length = 0; length < three.length; length++)
      verdicts.add(await verdict(three.slice(0, length)));
    expect([...verdicts].toSorted()).toEqual([
      'ST_FILE_SIZE',
      'ST_HEADER_TOO_SMALL',
      'ST_HEADER_TRUNCATED',
    ]);
  });

  test('with any bit of its header flipped is refused, or keeps its tensors within the file', async () => {
    const headerEnd = 8 + Number(new DataView(three.buffer).getBigUint64(0, true));
    let accepted = 0;
    for (let bit = 0; bit < headerEnd * 8; bit++) {
      const flipped = three.slice();
      flipped[bit >> 3] = (three[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if ((await verdict(flipped)) !== 'OK') continue;
      accepted++;
      const { tensors } = await read(flipped);
      expect(tensors.reduce((sum, { size }) => sum + size, 0)).toBe(three.length - headerEnd);
    }
    expect(accepted).toBeGreaterThan(10); // names and metadata may be anything
  });
});

const dtypes = Object.keys(storedBits) as StoredDType[];

const anyTensor = fc
  .record({
    name: fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__metadata__'),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat({ max: 8 }), { maxLength: 4 }),
    many: fc.constantFrom([], [1, 1, 1, 1]),
  })
  // four or eight elements of less than a byte fill bytes
  .map(({ name, dtype, shape, many }) =>
    tensor(name, dtype, [...shape, ...many, ...(storedBits[dtype] < 8 ? [4] : [])]),
  );

test('what is written is read, whatever its dtypes, shapes and names', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyTensor, { maxLength: 16, selector: ({ name }) => name }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
      async (tensors, metadata) => {
        const entries = new Map(Object.entries(metadata));
        const file = await read(writeSafetensors(tensors, entries));
        expect(file.metadata).toEqual(entries);
        expect(file.warnings).toEqual([]);
        expect(file.tensors).toHaveLength(tensors.length);
        for (const { name, dtype, shape, bytes } of tensors) {
          const found = file.tensors.find((each) => each.name === name);
          expect([found?.dtype, found?.shape, found?.size]).toEqual([dtype, shape, bytes.length]);
          expect(await found?.read(0, bytes.length)).toEqual(bytes);
        }
      },
    ),
    { seed: 20_26, numRuns: 500 },
  );
});

test('data begins at a multiple of 8, metadata comes first, and wider dtypes come earlier', () => {
  const headerEnd = 8 + Number(new DataView(three.buffer).getBigUint64(0, true));
  expect(headerEnd % 8).toBe(0);
  const header = new TextDecoder().decode(three.subarray(8, headerEnd));
  expect(header.trimEnd()).toBe(
    '{"__metadata__":{"format":"pt"},' +
      '"b":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},' +
      '"a":{"dtype":"F32","shape":[2,2],"data_offsets":[24,40]},' +
      '"c":{"dtype":"U8","shape":[5],"data_offsets":[40,45]}}',
  );
});

test('the writer refuses bytes that do not fit the shape', () => {
  const short = { name: 'a', dtype: 'F32', shape: [2], bytes: new Uint8Array(7) } as const;
  expect(() => writeSafetensors([short])).toThrow('a: F32 [2] is 8 bytes, got 7');
});

test('a tensor is read in parts, into memory of the caller', async () => {
  const { tensors } = await read(three);
  const c = tensors.find(({ name }) => name === 'c');
  const into = new Uint8Array(8);
  expect(await c?.read(1, 4, into)).toEqual(Uint8Array.of(48, 85, 122));
  expect(into).toEqual(Uint8Array.of(48, 85, 122, 0, 0, 0, 0, 0));
  await expect(c?.read(1, 6)).rejects.toThrow('c: 1 to 6 reaches beyond 5 bytes');
});

test('another reader finds the same tensors in what is written', async () => {
  const file = writeSafetensors([tensor('a', 'F32', [2, 2]), tensor('b', 'U8', [3])]);
  const other = new SafeTensor(file);
  const { tensors } = await read(file);
  expect([...other.metadata.keys()]).toEqual(tensors.map(({ name }) => name));
  for (const { name, dtype, shape, size, read: readRange } of tensors) {
    expect(other.metadata.get(name)).toMatchObject({ dtype, shape });
    expect(await readRange(0, size)).toEqual(other.getTensor(name));
  }
});

describe('a header that would take much memory or time', () => {
  test('of 700,000 tensors is read within seconds', async () => {
    const entries = Array.from(
      { length: 700_000 },
      (_, i) =>
        `"model.layers.${i}.attn.Wo.weight":{"dtype":"F32","shape":[1],"data_offsets":[${i * 4},${i * 4 + 4}]}`,
    );
    const file = withHeader(`{${entries.join(',')}}`, 2_800_000);
    const before = process.cpuUsage();
    expect((await read(file)).tensors).toHaveLength(700_000);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(10e6); // microseconds; 2 s in a process of its own
  });

  test('of more tensors than any checkpoint has is refused', async () => {
    const entries = Array.from(
      { length: 1_000_001 },
      (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
    );
    expect(await verdict(withHeader(`{${entries.join(',')}}`))).toBe('ST_HEADER_TOO_LARGE');
  });

  test('of many tensors on one range is refused', async () => {
    const entries = Array.from(
      { length: 100_000 },
      (_, i) => `"${i}":{"dtype":"U8","shape":[160000],"data_offsets":[0,160000]}`,
    );
    expect(await verdict(withHeader(`{${entries.join(',')}}`, 160_000))).toBe('ST_OFFSETS');
  });

  test('of deep nesting is refused, also in a field that is passed over', async () => {
    const deep = '['.repeat(1_000_000);
    expect(await verdict(withHeader(deep))).toBe('ST_HEADER_DEPTH');
    expect(await verdict(withHeader(`{"a":{"x":${deep}}}`))).toBe('ST_HEADER_DEPTH');
  });
});

describe('what is no safetensors file', () => {
  const text = (value: string) => new TextEncoder().encode(value);
  test.each([
    ['an empty file', new Uint8Array(0), 'an empty file', 'download'],
    [
      'a git-lfs pointer',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
      'a git-lfs pointer',
      'git lfs pull',
    ],
    ['an HTML page', text('<!DOCTYPE html><html></html>'), 'an HTML page', 'login'],
    ["torch's zip", text('PK\x03\x04\0\0\x08\x08\0\0'), 'a zip archive', 'pytorch_model.bin'],
    [
      'a pickle',
      Uint8Array.of(0x80, 2, 0x8a, 10, 108, 252, 156, 70, 249, 32),
      'a pickle',
      'weights_only=True',
    ],
    ['a GGUF file', text('GGUF\x03\0\0\0\0\0\0\0'), 'a GGUF file', 'convert the checkpoint'],
    ['a JSON file', text('{"model_type": "modernbert-decoder"}'), 'a JSON file', 'download'],
  ])('is named: %s', async (_name, bytes, kind, fix) => {
    const refused = read(bytes);
    await expect(refused).rejects.toThrow(`a safetensors file was expected, and this is ${kind}`);
    await expect(refused).rejects.toThrow(fix);
    await expect(refused).rejects.toMatchObject({ exitStatus: 65 });
  });
});

test('an error names file, tensor and rule', async () => {
  const header = '{"layer.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}';
  await expect(read(withHeader(header, 16))).rejects.toThrow(
    'the data_offsets do not fit the dtype and the shape (file=x.safetensors, tensor=layer.weight, dtype=F32, shape=[2, 3], expected=24, got=16)',
  );
});

test('an unknown field is a warning that names it', async () => {
  const header = '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"strides":[1],"order":"C"}}';
  expect((await read(withHeader(header, 4))).warnings).toEqual([
    'x.safetensors: fields that the format does not have are ignored: strides of a and 1 more',
  ]);
});
