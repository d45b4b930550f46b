// The GPU runtime for a browser: loads what convert wrote, from a server or from a user's disk, and
// generates, classifies and embeds on WebGPU. Nothing of Node is in it.
//
//     const output = await fetchOutput(hubAddress('owner/name'));
//     const session = await load(output, { device: await openDevice(navigator.gpu) });

export type { ModernBertDecoderConfig, Task } from './base/config.ts';
export type { Decoder } from './base/decoding.ts';
export { type ErrorCode, ToolkitError } from './base/errors.ts';
export type { ByteSource, SourceFolder } from './base/files.ts';
export { type Manifest, type WeightFormat, weightFormats } from './base/manifest.ts';
export { blobFolder } from './checkpoint/memory-source.ts';
export type { LabelScore } from './runtime/text/classify.ts';
export { type Device, type DeviceOptions, openDevice } from './runtime/gpu/device.ts';
export type { Continuation, Ending, Generated, GenerateOptions } from './runtime/text/generate.ts';
export type { GenerationConfig } from './runtime/text/generation-config.ts';
export type { GenerationOptions } from './runtime/text/generation-settings.ts';
export type { LoadProgress } from './runtime/gpu/load.ts';
export { type Output, readManifest } from './runtime/output.ts';
export { pickedOutput } from './runtime/picked-output.ts';
export { readRecommended } from './runtime/text/recommended.ts';
export { fetchOutput, hubAddress } from './runtime/remote-output.ts';
export {
  type GpuMemory,
  load,
  type LoadOptions,
  type Rows,
  type Session,
} from './runtime/gpu/session.ts';
export { createTextWriter, type TextWriter } from './runtime/text/text-writer.ts';
export { openTokenizer, type Tokenizer } from './runtime/text/tokenizer.ts';
