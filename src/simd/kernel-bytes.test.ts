import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import wabt from 'wabt';

const fileOf = (name: string): string => join(import.meta.dirname, name);

test('the kernels are those of their text', async () => {
  const text = await readFile(fileOf('kernels.wat'), 'utf8');
  const { buffer } = (await wabt()).parseWat('kernels.wat', text, { simd: true }).toBinary({});
  const lines = [
    '// kernels.wat as WebAssembly, in base64; made by `npx vitest run src/simd --update`.',
    '',
    'export const kernelBytes: string =',
    `  '${Buffer.from(buffer).toString('base64')}';`,
    '',
  ];
  await expect(lines.join('\n')).toMatchFileSnapshot(fileOf('kernel-bytes.ts'));
});
