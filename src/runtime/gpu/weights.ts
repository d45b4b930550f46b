// Weights go from the file to the GPU a chunk at a time: host memory holds one chunk, whatever the
// size of the model.

import type { ByteSource, SourceFolder } from '../../base/files.ts';
import { openFiles } from '../../onnx/open-files.ts';
import { encodeValues } from '../../onnx/tensor-bytes.ts';
import { allocate } from './allocate.ts';
import type { Device } from './device.ts';
import { fileBytes, type Part, partsOf, partStep, type Placement } from './placement.ts';
import { spreadRows } from './spread-rows.ts';

export interface WeightPart extends Part {
  readonly buffer: GPUBuffer;
}

/** The weights on the GPU, in parts, by name. */
export type Weights = ReadonlyMap<string, readonly WeightPart[]>;

/** Large enough for a disk and a bus, small beside a model. */
const chunkBytes = 4 * 2 ** 20;

/** The queue keeps copies of what it was given until it has run: it is waited for now and then. */
const waitBytes = 64 * 2 ** 20;

/** Copies the weights of the model file `modelName` of a folder. */
export async function uploadWeights(
  device: Device,
  folder: SourceFolder,
  modelName: string,
  placements: ReadonlyMap<string, Placement>,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Weights> {
  const files = openFiles(folder);
  const chunk = new Uint8Array(chunkBytes);
  const weights = new Map<string, readonly WeightPart[]>();
  let waiting = 0;
  try {
    for (const [name, placement] of placements) {
      const source = await sourceOf(placement, modelName, (file) => files.open(file));
      const parts: WeightPart[] = [];
      weights.set(name, parts);
      for (const part of partsOf(placement)) {
        const buffer = await createBuffer(device, name, part.count * placement.pitch);
        parts.push({ ...part, buffer });
        await uploadPart(device, source, { placement, part, buffer, chunk });
        onBytes(fileBytes(placement, part.count));
        waiting += part.count * placement.pitch;
        if (waiting < waitBytes) continue;
        waiting = 0;
        await device.gpu.queue.onSubmittedWorkDone();
        device.check();
      }
    }
    await device.gpu.queue.onSubmittedWorkDone();
    device.check();
    return weights;
  } catch (error) {
    destroyWeights(weights);
    throw error;
  } finally {
    await files.close();
  }
}

export function destroyWeights(weights: Weights): void {
  for (const parts of weights.values()) for (const { buffer } of parts) buffer.destroy();
}

interface Bytes {
  read(start: number, end: number, into: Uint8Array): Promise<Uint8Array>;
}

async function sourceOf(
  { initializer: { type, recipe } }: Placement,
  modelName: string,
  open: (name: string) => Promise<ByteSource>,
): Promise<Bytes> {
  if (recipe.kind === 'stored') {
    const file = await open(recipe.location === '' ? modelName : recipe.location);
    return {
      read: (start, end, into) => file.read(recipe.offset + start, recipe.offset + end, into),
    };
  }
  const values = recipe.kind === 'values' ? recipe.values : [];
  const bytes = encodeValues(type.dtype, values);
  return { read: async (start, end) => bytes.subarray(start, end) };
}

/** Rows as they are, or one by one into their places where the GPU wants them further apart. */
async function uploadPart(
  { gpu }: Device,
  source: Bytes,
  {
    placement,
    part: { first, count },
    buffer,
    chunk,
  }: {
    readonly placement: Placement;
    readonly part: Part;
    readonly buffer: GPUBuffer;
    readonly chunk: Uint8Array;
  },
): Promise<void> {
  const { rowBytes, pitch } = placement;
  const from = first * rowBytes;
  if (rowBytes === pitch) {
    for (let start = 0; start < count * rowBytes; start += chunk.length) {
      const end = Math.min(start + chunk.length, count * rowBytes);
      const bytes = await source.read(from + start, from + end, chunk);
      gpu.queue.writeBuffer(buffer, start, aligned(bytes.subarray(0, end - start)));
    }
    return;
  }
  const rowsAtOnce = Math.max(Math.floor(chunk.length / pitch / partStep), 1) * partStep;
  for (let row = 0; row < count; row += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - row);
    const start = from + row * rowBytes;
    const length = fileBytes(placement, rows);
    const into = length <= chunk.length ? chunk : new Uint8Array(length);
    const bytes = await source.read(start, start + length, into);
    gpu.queue.writeBuffer(buffer, row * pitch, aligned(spreadRows(bytes, placement, rows)));
  }
}

/** The GPU takes whole words. */
function aligned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = Math.ceil(bytes.length / 4) * 4;
  if (size === bytes.length && bytes.buffer instanceof ArrayBuffer) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, size);
  }
  const words = new Uint8Array(size);
  words.set(bytes);
  return words;
}

async function createBuffer(device: Device, label: string, bytes: number): Promise<GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  return await allocate(device, { label, size: Math.max(Math.ceil(bytes / 16) * 16, 16), usage });
}
