import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertedCase } from '../../../test/converted-case.ts';
import { testDevice } from '../../../test/gpu.ts';
import type { Device } from './device.ts';
import type { Engine } from './engine.ts';
import { loadModel } from './load.ts';
import type { RowInput } from './batch.ts';
import type { Work } from './work.ts';

let device: Device;
let engine: Engine;

beforeAll(async () => {
  device = await testDevice();
  const models = await convertedCase('shakespeare', 'onnxruntime');
  engine = (await loadModel(device, models, 'model.onnx')).engine;
});
afterAll(() => {
  engine.destroy();
  device.destroy();
});

const row = (past: number, count: number): RowInput => ({
  row: 0,
  past,
  ids: Array.from({ length: count }, (_, i) => i % 100),
  keep: [count - 1],
});

describe('the work of a run', () => {
  it('counts the dispatches that are recorded', async () => {
    const cache = engine.newCache(1);
    let past = 0;
    for (const count of [40, 1, 5, 300, 1]) {
      const input = row(past, count);
      const before = engine.executor.dispatched;
      const { dispatches } = engine.work([input]);
      await engine.run(cache, [input], async () => undefined);
      expect(engine.executor.dispatched - before).toBe(dispatches);
      past += count;
    }
    cache.destroy();
  });

  it('of a decode step grows by the keys that full layers see further', () => {
    const bytes = (past: number): number => engine.work([row(past, 1)]).bytes;
    const full = engine.plan.layers.filter(({ window }) => window < 0);
    const key = full.reduce((sum, { width }) => sum + 2 * 4 * width, 0);
    expect(full.length).toBeGreaterThan(0);
    expect(bytes(300) - bytes(299)).toBe(key);
    expect(bytes(999) - bytes(899)).toBe(100 * key);
  });

  it('of a row in pieces is that of the pieces', () => {
    const total = (parts: readonly RowInput[]): Work =>
      parts
        .map((part) => engine.work([part]))
        .reduce((a, b) => ({
          dispatches: a.dispatches + b.dispatches,
          bytes: a.bytes + b.bytes,
          multiplyAdds: a.multiplyAdds + b.multiplyAdds,
        }));
    const [first, second] = [{ ...row(0, 2048), keep: [] }, row(2048, 952)];
    expect(engine.work([row(0, 3000)])).toEqual(total([first, second]));
  });
});
