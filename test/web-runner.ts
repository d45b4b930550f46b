// A model in ONNX Runtime in a browser, as a runner: what holds Node's models can hold it too.

import type { Page } from 'playwright-core';
import type { Runner } from '../src/base/runner.ts';
import type { OnnxRuntimeWeb, Provider } from './pages/onnxruntime-web.ts';

/** Opens a model by its address in a page of onnxruntime-web. */
export async function webRunner(
  page: Page,
  address: string,
  dataFiles: readonly string[],
  provider: Provider,
): Promise<Runner> {
  const opened = await page.evaluate(
    (args) => (globalThis as unknown as OnnxRuntimeWeb).open(...args),
    [address, dataFiles, provider] as const,
  );
  const { session, version, inputs, outputs } = opened;
  return {
    name: `onnxruntime-web ${version} (${provider})`,
    inputs: new Map(inputs),
    outputs,
    run: async (feeds) => {
      const results = await page.evaluate(
        (args) => (globalThis as unknown as OnnxRuntimeWeb).run(...args),
        [session, feeds] as const,
      );
      return new Map(Object.entries(results));
    },
    close: async () =>
      await page.evaluate((of) => (globalThis as unknown as OnnxRuntimeWeb).close(of), session),
  };
}
