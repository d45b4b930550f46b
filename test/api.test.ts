// The public surface: a name that comes or goes is a decision, and shows here.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as api from '../src/index.ts';

test('the values that programs import', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "ToolkitError",
      "blobFolder",
      "blobSource",
      "bytesSource",
      "checkHashes",
      "convert",
      "createOracle",
      "createOutput",
      "createTextWriter",
      "dawn",
      "errorCodes",
      "fetchOutput",
      "fileSource",
      "hubAddress",
      "load",
      "memorySink",
      "nodeSha256",
      "openCheckpoint",
      "openDevice",
      "openFolder",
      "openHub",
      "openOnnxRuntime",
      "openTokenizer",
      "oracleGolden",
      "ownGolden",
      "plan",
      "planPush",
      "planRemoval",
      "push",
      "readConfig",
      "readGolden",
      "readHubSettings",
      "readManifest",
      "readRecommended",
      "verify",
      "writeGolden",
    ]
  `);
});

test('the types that programs import', () => {
  const text = readFileSync(join(import.meta.dirname, '../src/index.ts'), 'utf8');
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, all, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && (all !== undefined || name.startsWith('type ')))
      .map((name) => name.replace('type ', '')),
  );
  expect(names.toSorted()).toMatchInlineSnapshot(`
    [
      "ByteSource",
      "Continuation",
      "ConvertOptions",
      "Device",
      "DeviceOptions",
      "Dim",
      "Ending",
      "ErrorCode",
      "Feeds",
      "FileOutput",
      "Gates",
      "GenerateOptions",
      "Generated",
      "GenerationConfig",
      "GenerationOptions",
      "Golden",
      "GoldenPrompt",
      "GpuMemory",
      "Hasher",
      "Hub",
      "HubSettings",
      "HubSource",
      "LabelScore",
      "LayerConfig",
      "LayerType",
      "LoadOptions",
      "LoadProgress",
      "Manifest",
      "MemorySink",
      "ModernBertDecoderConfig",
      "NamedGolden",
      "NonFiniteWeight",
      "Oracle",
      "Output",
      "Plan",
      "Progress",
      "Proof",
      "PushOptions",
      "PushPlan",
      "Pushed",
      "Rows",
      "Runner",
      "Session",
      "Sink",
      "SinkFile",
      "SourceFolder",
      "Subject",
      "Target",
      "Task",
      "Tensor",
      "TensorRef",
      "TensorType",
      "TextWriter",
      "Tokenizer",
      "Verification",
      "Verified",
      "VerifyOptions",
      "VerifyReport",
      "WeightFormat",
      "WrittenFile",
    ]
  `);
});
