import { readFileSync } from 'node:fs';
import { benchBurst } from './bench/burst.ts';
import { benchFigures } from './bench/figures.ts';
import { benchIntake } from './bench/intake.ts';
import { benchPages } from './bench/pages.ts';
import { report } from './bench/report.ts';
import { type SeededBench, withStack } from './bench/stack.ts';
import { benchSync } from './bench/sync.ts';
import { benchTap } from './bench/tap.ts';
import { benchWalk } from './bench/walk.ts';
import { benchWizard } from './bench/wizard.ts';

await withStack(async (bench) => {
  await benchPages(bench);
  await benchWizard(bench);
  const { actions, baseline } = await benchWalk(bench);
  await benchBurst(bench, actions, baseline);
  residentMemory(bench);
  await benchIntake(bench);
  await benchSync(bench);
  await benchTap(bench);
  await benchFigures(bench.places.ownerUrl, bench.places.appUrl);
});
process.exit();

/** After the burst, as the system says. */
function residentMemory({ services }: SeededBench): void {
  for (const name of ['server', 'worker'] as const) {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${services[name].program?.pid}/status`, 'utf8'))?.[1]);
    report({
      name: `${name} resident after ${name === 'server' ? 'the pages' : 'the burst'}`,
      value: kib / 1024,
      unit: 'MiB',
      baseline: null,
      goal: 300,
      better: 'less',
    });
  }
}
