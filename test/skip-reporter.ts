// Names every test that was skipped, with its reason: nothing is passed over in silence.

import type { Reporter, TestModule } from 'vitest/node';

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = (result.state === 'skipped' && result.note) || 'no reason given';
        process.stdout.write(`skipped: ${module.relativeModuleId}: ${test.fullName}: ${reason}\n`);
      }
    }
  }
}
