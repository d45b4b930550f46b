// A page that has a consumer of our folders in it, bundled as an application would be, and what it
// fetches: models from memory, WebAssembly from node_modules, nothing from a network.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { must } from './must.ts';

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

/** A folder that was written, as a server has it below `models/<id>/`. */
export function servedFolder(id: string, path: string): Files {
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  return new Map(files.map((file) => [`models/${id}/${file}`, readFileSync(join(path, file))]));
}
