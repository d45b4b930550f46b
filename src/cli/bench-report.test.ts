import { describe, expect, it } from 'vitest';
import { benchDocument, type BenchReport, benchText, type Measurement } from './bench-report.ts';

const spread = (median: number): Measurement['seconds'] => ({
  median,
  min: median / 2,
  max: 2 * median,
});

const prefill: Measurement = {
  kind: 'prefill',
  tokens: 2048,
  rounds: 5,
  seconds: spread(0.02),
  work: { dispatches: 80, bytes: 4.096e9, multiplyAdds: 2e11 },
  versus: { seconds: spread(0.03), ratio: { median: 1.5, min: 1.25, max: 2 }, sameToken: true },
};
const decode: Measurement = {
  kind: 'decode',
  tokens: 128,
  rounds: 15,
  seconds: spread(0.0005),
  work: { dispatches: 30, bytes: 5e8, multiplyAdds: 1e8 },
  versus: { failure: 'no room' },
};
const report: BenchReport = {
  runtime: 'webgpu (A GPU)',
  dtype: 'fp16',
  device: {
    name: 'A GPU',
    vendor: 'maker',
    architecture: 'good',
    driver: 'driver 1',
    peaks: { copyBytes: 2e12, multiplyAdds: { f32: 2e13, f16: 4e13 } },
  },
  versus: 'onnxruntime 1.30.0 (webgpu)',
  measurements: [prefill, decode],
  skipped: ['decode at 4096 takes 4368 positions, the model has 1024'],
};

describe('what bench reports', () => {
  it('is one table for people', () => {
    expect(benchText(report)).toMatchInlineSnapshot(`
      "webgpu (A GPU), fp16; against onnxruntime 1.30.0 (webgpu)
      measured peaks: copies 2.00 TB/s, f32 20.0 T, f16 40.0 T multiply-adds/s

                         ms      range  tokens/s  dispatches  MB/token  of copy  of f32  of f16  onnxruntime   ratio      range
        prefill 2,048  20.0  10.0–40.0   102,400          80      2.00   10.2 %  50.0 %  25.0 %      30.0 ms  1.50 ×  1.25–2.00
        decode at 128  0.50  0.25–1.00     2,000          30       500   50.0 %  1.00 %  0.50 %       failed

      left out: decode at 4096 takes 4368 positions, the model has 1024
      "
    `);
  });

  it('tells of halves, shares and the other runtime only what is known', () => {
    const { kind, tokens, rounds, seconds } = decode;
    const alone: BenchReport = {
      runtime: 'onnxruntime 1.30.0 (cpu)',
      dtype: 'fp32',
      measurements: [{ kind, tokens, rounds, seconds }],
      skipped: [],
    };
    expect(benchText(alone)).toMatchInlineSnapshot(`
      "onnxruntime 1.30.0 (cpu), fp32

                         ms      range  tokens/s
        decode at 128  0.50  0.25–1.00     2,000
      "
    `);
    const single = { ...report, dtype: 'fp32', measurements: [prefill] };
    expect(benchText(single)).not.toContain('of f16');
  });

  it('is rates and shares for scripts', () => {
    expect(benchDocument(report)).toMatchObject({
      runtime: 'webgpu (A GPU)',
      measurements: [
        {
          tokensPerSecond: 102_400,
          bytesPerToken: 2e6,
          shares: {
            copy: expect.closeTo(0.1024),
            f32: expect.closeTo(0.5),
            f16: expect.closeTo(0.25),
          },
        },
        { tokensPerSecond: 2000, bytesPerToken: 5e8, shares: { copy: expect.closeTo(0.5) } },
      ],
    });
  });
});
