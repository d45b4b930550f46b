// The conversion runs where there is no Node: its bundle for a browser has no Node built-in in it,
// and computes the same bytes with a browser's globals alone.

import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build, type BuildResult } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { openFolder } from '../src/checkpoint/file-source.ts';
import type { blobFolder } from '../src/checkpoint/memory-source.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { must } from './must.ts';
import { goldenFolder } from './output-folder.ts';

const root = join(import.meta.dirname, '..');

const entry = `
  export { blobFolder, convert, memorySink } from './src/browser.ts';
  export { verify } from './src/verify.ts';
`;

/** Bundles conversion and verification with sources and sinks in memory. */
function bundle(format: 'esm' | 'iife'): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    stdin: { contents: entry, resolveDir: root, sourcefile: 'browser.ts', loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    platform: 'browser',
    target: 'es2023',
    format,
    ...(format === 'iife' && { globalName: 'toolkit' }),
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
}

/** What the bundle gives, as the globals of a context know it. */
interface Toolkit {
  readonly convert: typeof convert;
  readonly blobFolder: typeof blobFolder;
  readonly memorySink: typeof memorySink;
}

const folder = join(goldenFolder, 'shakespeare');
const options: ConvertOptions = { dtypes: ['fp32', 'fp16'], target: 'onnxruntime' };

describe('the runtime for a browser', () => {
  test('imports nothing: no Node built-in, and no package that brings a binary', async () => {
    const { metafile, warnings } = await build({
      entryPoints: [join(root, 'src/runtime.ts')],
      absWorkingDir: root,
      bundle: true,
      platform: 'browser',
      format: 'esm',
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    const inputs = Object.entries(metafile.inputs);
    const imports = inputs.flatMap(([, input]) => input.imports);
    expect(imports.filter(({ path, external }) => external || isBuiltin(path))).toEqual([]);
    const paths = inputs.map(([path]) => path);
    expect(paths).toContain('src/runtime/gpu/session.ts');
    const ofNode = /\/file-|\/cli\/|\/dawn\.ts|node_modules\/(?:webgpu|onnxruntime-node)\//;
    expect(paths.filter((path) => ofNode.test(path))).toEqual([]);
  });
});

describe('the bundle for a browser', () => {
  test('imports nothing, and no file of it names a Node built-in', async () => {
    const { metafile, warnings } = await bundle('esm');
    expect(warnings).toEqual([]);
    const [output] = Object.values(metafile.outputs);
    expect(must(output, 'bundle').imports).toEqual([]);
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
    expect(imports.map(({ path }) => path).filter((path) => isBuiltin(path))).toEqual([]);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain('src/convert.ts');
    expect(inputs.filter((path) => /\/file-|\/cli\/|onnxruntime-node/.test(path))).toEqual([]);
  });

  test('converts Blobs to the bytes that files are converted to', async () => {
    const { outputFiles } = await bundle('iife');
    const context = createContext({ Blob, TextDecoder, TextEncoder, atob });
    runInContext(must(outputFiles[0], 'bundle').text, context);
    const toolkit = runInContext('toolkit', context) as Toolkit;
    expect(runInContext('typeof process + typeof require + typeof Buffer', context)).toBe(
      'undefinedundefinedundefined',
    );

    const blobs = readdirSync(folder).map(
      (file) => [file, new Blob([readFileSync(join(folder, file))])] as const,
    );
    const inBrowser = toolkit.memorySink();
    const source = toolkit.blobFolder('shakespeare', Object.fromEntries(blobs));
    await toolkit.convert(source, inBrowser, options);

    const inNode = memorySink();
    await convert(await openFolder(folder), inNode, options);

    expect([...inBrowser.files.keys()]).toEqual([...inNode.files.keys()]);
    expect(inNode.files.has('onnx/model_fp16.onnx_data')).toBe(true);
    for (const [path, expected] of inNode.files) {
      const found = must(inBrowser.files.get(path), path);
      expect(`${path} ${Buffer.compare(found, expected)}`).toBe(`${path} 0`);
    }
  });
});
