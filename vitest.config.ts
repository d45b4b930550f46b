import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'ops/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: 'test/build.ts',
    reporters: ['default', './test/skip-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000, // conversions on a machine that has other work
    maxWorkers: '100%', // the software GPU leaves half of two cores idle
  },
});

export default config;
