import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import wabt from 'wabt';

const fileOf = (name: string): string => join(import.meta.dirname, name);

test('the kernels are those of their text', async () => {
  const { parseWat } = await wabt();
  const lines = [
    '// The .wat files as WebAssembly, in base64; made by `npx vitest run src/simd --update`.',
  ];
  for (const [name, file] of [
    ['kernelBytes', 'kernels.wat'],
    ['attentionBytes', 'attention.wat'],
    ['compensationBytes', 'compensation.wat'],
  ] as const) {
    const text = await readFile(fileOf(file), 'utf8');
    const { buffer } = parseWat(file, text, { simd: true }).toBinary({});
    const base64 = Buffer.from(buffer).toString('base64');
    lines.push('', `export const ${name}: string =`, `  '${base64}';`);
  }
  await expect([...lines, ''].join('\n')).toMatchFileSnapshot(fileOf('kernel-bytes.ts'));
});
