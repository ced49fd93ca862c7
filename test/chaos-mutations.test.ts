import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Mutation, mutations } from '../dev/chaos/mutations.ts';
import { isClean, type Reckoning, reckon } from '../dev/chaos/reckoning.ts';
import { runChaos } from '../dev/chaos/run.ts';
import { demoStack } from './demo-stack.ts';

const mutationFile = join(mkdtempSync(join(tmpdir(), 'hub-mutation-')), 'wanted');
process.env['HUB_MUTATION_FILE'] = mutationFile;
const stack = demoStack();
// The simulators' ledgers remember the mutation before.
let before = { doubled: 0, ghosts: 0 };

/** What only a broken program leaves, at any moment: people with two messages, messages that nobody here knows of. */
const isRed = ({ doubled, ghosts }: Reckoning): boolean => doubled > before.doubled || ghosts > before.ghosts;

/** Server and worker start again with this fault in them, once the one before has done all its harm. */
async function mutate(mutation: Mutation): Promise<void> {
  await quiet();
  writeFileSync(mutationFile, mutation);
  await stack.services.server.restart();
  await stack.services.worker.restart();
}

async function quiet(): Promise<void> {
  const now = () => reckon({ ...stack, bundle: '', pageId: '' }, stack.tenants[0]?.id ?? 0, [], []);
  for (let seen = await now(); ; ) {
    before = seen;
    await sleep(4_000);
    seen = await now();
    if (seen.doubled === before.doubled && seen.ghosts === before.ghosts) return;
  }
}

describe('the fault run turns red', () => {
  it.each(Object.keys(mutations) as Mutation[])(
    'with a fault of our own: %s',
    { timeout: 400_000 },
    async (mutation) => {
      await mutate(mutation);
      const chaos = { leads: 60, seconds: 100, settleSeconds: 60, isFound: isRed, say: () => {} };
      const result = await runChaos({ ...stack, bundle: '', pageId: '' }, chaos);
      expect({ isClean: isClean(result), isRed: isRed(result) }).toEqual({ isClean: false, isRed: true });
    },
  );
});
