import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Files with a process of their own: they open GPUs, start commands, or change what is global. */
const alone: readonly string[] = [
  'test/**/*.test.ts',
  'ops/**/*.test.ts',
  'src/runtime/gpu/**/*.test.ts',
  'src/runtime/float16-array.test.ts',
  'src/model/weight-source.test.ts',
];

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: 'test/build.ts',
    reporters: ['default', './test/skip-reporter.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000, // conversions on a machine that has other work
    maxWorkers: '100%', // the software GPU leaves half of two cores idle
    projects: [
      { extends: true, test: { name: 'alone', include: [...alone] } },
      {
        // these share processes, which saves a quarter of a second each; they fill up the end
        extends: true,
        test: {
          name: 'together',
          include: ['src/**/*.test.ts'],
          exclude: [...alone],
          isolate: false,
        },
      },
    ],
  },
});

export default config;
