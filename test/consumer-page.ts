// A page that has a consumer of our folders in it, bundled as an application would be, and what it
// fetches: models from memory, WebAssembly from node_modules, nothing from a network.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Target } from '../src/base/manifest.ts';
import { openFolder } from '../src/checkpoint/file-source.ts';
import { convert, type ConvertOptions } from '../src/convert.ts';
import { memorySink } from '../src/onnx/memory-sink.ts';
import { must } from './must.ts';
import { goldenFolder } from './output-folder.ts';

type Files = ReadonlyMap<string, Uint8Array>;

/** `<name>.html` with `test/pages/<name>.ts` in it, and ONNX Runtime as `user` depends on it. */
export async function consumerPage(name: string, user: string): Promise<Files> {
  const script = `${name}.js`;
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'pages', `${name}.ts`)],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    write: false,
    logLevel: 'silent',
  });
  const { resolve } = createRequire(user);
  const runtime = ['mjs', 'wasm'].map((extension): [string, Uint8Array] => {
    const file = `ort-wasm-simd-threaded.asyncify.${extension}`;
    return [`${name}/${file}`, readFileSync(resolve(`onnxruntime-web/${file}`))];
  });
  return new Map([
    [`${name}.html`, new TextEncoder().encode(`<script type="module" src="${script}"></script>`)],
    [script, must(outputFiles[0], 'bundle').contents],
    ...runtime,
  ]);
}

/** A golden case converted, below `models/<name>-<target>/`. */
export async function servedCase(
  name: string,
  target: Target,
  options: Omit<ConvertOptions, 'target'>,
): Promise<Files> {
  const sink = memorySink();
  await convert(await openFolder(join(goldenFolder, name)), sink, { ...options, target });
  return new Map(
    [...sink.files].map(([path, bytes]) => [`models/${name}-${target}/${path}`, bytes]),
  );
}
