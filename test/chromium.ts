// A headless Chromium with WebGPU on SwiftShader. On Linux x64 it comes with the development
// dependencies and asks nothing of the system; elsewhere it is the Chrome that is installed.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { unpacked } from './unpack.mjs';

const packed = ['chromium.br', 'swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br'];

// Chromium finds SwiftShader beside itself.
const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Starts the browser; undefined where there is none. */
export async function openChromium(): Promise<Browser | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return await chromium.launch({ channel: 'chrome', args }).catch(() => undefined);
  }
  const folder = unpacked('chromium', packed);
  // the packed one names the folders of another machine
  const fonts = join(folder, 'fonts-here.conf');
  writeFileSync(fonts, `<fontconfig><dir>${join(folder, 'fonts')}</dir></fontconfig>`);
  const libraries = [folder, join(folder, 'lib')].join(':');
  return await chromium.launch({
    executablePath: join(folder, 'chromium'),
    args,
    env: { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: fonts },
  });
}
