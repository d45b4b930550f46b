import type { FileOutput } from '../../src/onnx/file-sink.ts';

export function writeFiles(output: FileOutput, text: string): Promise<void>;
