// The public surface: what the command line calls, for programs that do the same.

export { errorCodes, type ErrorCode, ToolkitError } from './base/errors.ts';
export type {
  ByteSource,
  Hasher,
  Sink,
  SinkFile,
  SourceFolder,
  WrittenFile,
} from './base/files.ts';
export type { LayerConfig, LayerType, ModernBertDecoderConfig, Task } from './base/config.ts';
export type {
  HubSource,
  Manifest,
  NonFiniteWeight,
  Target,
  Verification,
  WeightFormat,
} from './base/manifest.ts';
export type { Feeds, Runner } from './base/runner.ts';
export type { Dim, Tensor, TensorRef, TensorType } from './base/tensors.ts';
export { fileSource, openFolder } from './checkpoint/file-source.ts';
export { blobFolder, blobSource, bytesSource } from './checkpoint/memory-source.ts';
export { openCheckpoint } from './checkpoint/open.ts';
export { readConfig } from './config/read.ts';
export {
  convert,
  type ConvertOptions,
  plan,
  type Plan,
  type Proof,
  type Subject,
} from './convert.ts';
export type { Progress } from './gptq.ts';
export { readHubSettings } from './hub/file-settings.ts';
export { type Hub, openHub } from './hub/request.ts';
export type { HubSettings } from './hub/settings.ts';
export { createOutput, type FileOutput, nodeSha256 } from './onnx/file-sink.ts';
export { type MemorySink, memorySink } from './onnx/memory-sink.ts';
export {
  planPush,
  planRemoval,
  push,
  type Pushed,
  type PushOptions,
  type PushPlan,
} from './push.ts';
export type { LabelScore } from './runtime/text/classify.ts';
export { dawn } from './runtime/gpu/dawn.ts';
export { type Device, type DeviceOptions, openDevice } from './runtime/gpu/device.ts';
export type { Continuation, Ending, Generated, GenerateOptions } from './runtime/text/generate.ts';
export type { GenerationConfig } from './runtime/text/generation-config.ts';
export type { GenerationOptions } from './runtime/text/generation-settings.ts';
export type { LoadProgress } from './runtime/gpu/load.ts';
export { openOnnxRuntime } from './runtime/onnxruntime.ts';
export { type Output, readManifest } from './runtime/output.ts';
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
export { type Golden, type GoldenPrompt, readGolden, writeGolden } from './validate/golden.ts';
export { createOracle, type Oracle } from './validate/oracle.ts';
export { oracleGolden } from './validate/oracle-golden.ts';
export type { Gates } from './validate/gates.ts';
export type { VerifyReport } from './validate/report.ts';
export {
  checkHashes,
  type NamedGolden,
  ownGolden,
  verify,
  type Verified,
  type VerifyOptions,
} from './verify.ts';
