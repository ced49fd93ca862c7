import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkStyle, checkTypes, endWhenAsked, runTests } from './checks.ts';
import { root } from './stack/locate.ts';

process.chdir(root);
endWhenAsked();
process.stdout.write(`Node ${process.version}\n`);
mkdirSync('.data', { recursive: true });
const countFile = join(root, `.data/test-counts-${process.pid}.json`);

const types = await checkTypes();
const style = await checkStyle();
const green = await runTests(process.argv.slice(2), countFile);
const { passed, failed, skipped } = counts();
if (skipped > 0) process.stdout.write(`${skipped} skipped\n`);
const checks = [types, style];
const allPassed = passed + checks.filter(Boolean).length;
// A run that is red without a failed test broke outside of its tests.
const allFailed = checks.filter((held) => !held).length + (failed === 0 && !green ? 1 : failed);
process.stdout.write(`${allPassed} passed, ${allFailed} failed\n`);
process.exit(allFailed === 0 ? 0 : 1);

/** What test/count-reporter.ts wrote; nothing when vitest died. */
function counts(): { passed: number; failed: number; skipped: number } {
  try {
    return JSON.parse(readFileSync(countFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  } finally {
    rmSync(countFile, { force: true });
  }
}
