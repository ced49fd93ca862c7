import { parseArgs } from 'node:util';
import { withStack } from './bench/stack.ts';
import { isClean } from './chaos/reckoning.ts';
import { runChaos } from './chaos/run.ts';

const { values } = parseArgs({
  options: { leads: { type: 'string', default: '1000' }, minutes: { type: 'string', default: '5' } },
});
const [leads, minutes] = [Number(values.leads), Number(values.minutes)];
if (!Number.isInteger(leads) || leads < 1 || !(minutes > 0)) {
  process.stderr.write('npm run chaos -- --leads N --minutes M\n');
  process.exit(2);
}
let clean = false;
await withStack(async (bench) => {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const { unaccounted, inboxPending, ...result } = await runChaos(bench, {
    leads,
    seconds: minutes * 60,
    settleSeconds: 600,
    say,
  });
  clean = isClean({ ...result, unaccounted, inboxPending });
  const { leads: submitted, lost, doubled, ghosts, suppressedMessaged, unconfirmed, faults } = result;
  process.stdout.write(
    `${JSON.stringify({ leads: submitted, lost, doubled, ghosts, suppressedMessaged, unconfirmed, unaccounted, inboxPending, faults })}\n`,
  );
});
process.exit(clean ? 0 : 1);
