import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Writes how many tests passed, failed and were skipped to the file named by COUNT_FILE, for the last line of `npm test`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: string): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const unloaded = modules.reduce((sum, module) => sum + module.errors().length, 0);
    const counts = {
      passed: states.filter((state) => state === 'passed').length,
      failed:
        states.filter((state) => state === 'failed').length +
        unloaded +
        errors.length +
        (reason === 'interrupted' ? 1 : 0),
      skipped: states.filter((state) => state !== 'passed' && state !== 'failed').length,
    };
    const file = process.env['COUNT_FILE'];
    if (file) writeFileSync(file, JSON.stringify(counts));
  }
}
