// The converter for a browser: the same stages from Blobs to bytes, and nothing of Node.

export { ToolkitError } from './base/errors.ts';
export type { Sink, SinkFile, SourceFolder, WrittenFile } from './base/files.ts';
export { blobFolder } from './checkpoint/memory-source.ts';
export { convert, type ConvertOptions, plan, type Plan } from './convert.ts';
export { type MemorySink, memorySink } from './onnx/memory-sink.ts';
