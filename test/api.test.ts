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
      "errorCodes",
      "fileSource",
      "memorySink",
      "nodeSha256",
      "openCheckpoint",
      "openFolder",
      "openOnnxRuntime",
      "oracleGolden",
      "ownGolden",
      "plan",
      "readConfig",
      "readGolden",
      "readManifest",
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
      "ConvertOptions",
      "Dim",
      "ErrorCode",
      "Feeds",
      "FileOutput",
      "Gates",
      "Golden",
      "GoldenPrompt",
      "Hasher",
      "HubSource",
      "LayerConfig",
      "LayerType",
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
      "Runner",
      "Sink",
      "SinkFile",
      "SourceFolder",
      "Subject",
      "Target",
      "Task",
      "Tensor",
      "TensorRef",
      "TensorType",
      "Verification",
      "Verified",
      "VerifyOptions",
      "VerifyReport",
      "WeightFormat",
      "WrittenFile",
    ]
  `);
});
