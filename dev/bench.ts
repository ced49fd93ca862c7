import { benchBurst } from './bench/burst.ts';
import { benchFigures } from './bench/figures.ts';
import { benchIntake } from './bench/intake.ts';
import { benchMemory, residentMib } from './bench/memory.ts';
import { benchMessages } from './bench/messages.ts';
import { benchPages } from './bench/pages.ts';
import { benchPaint } from './bench/paint.ts';
import { report } from './bench/report.ts';
import { type SeededBench, withStack } from './bench/stack.ts';
import { benchSync } from './bench/sync.ts';
import { benchTap } from './bench/tap.ts';
import { benchWalk } from './bench/walk.ts';
import { benchWizard } from './bench/wizard.ts';

await withStack(async (bench) => {
  await benchPages(bench);
  await benchPaint(bench);
  await benchWizard(bench);
  const { actions, baseline } = await benchWalk(bench);
  await benchBurst(bench, actions, baseline);
  residentMemory(bench);
  await benchMemory(bench);
  await benchIntake(bench);
  await benchMessages(bench);
  await benchSync(bench);
  await benchTap(bench);
  await benchFigures(bench.places.ownerUrl, bench.places.appUrl);
});
process.exit();

/** After the burst, as the system says. */
function residentMemory(bench: SeededBench): void {
  for (const name of ['server', 'worker'] as const) {
    report({
      name: `${name} resident after ${name === 'server' ? 'the pages' : 'the burst'}`,
      value: residentMib(bench, name),
      unit: 'MiB',
      baseline: null,
      goal: 300,
      better: 'less',
    });
  }
}
