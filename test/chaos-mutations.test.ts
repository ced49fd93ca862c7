import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Mutation, mutations } from '../dev/chaos/mutations.ts';
import { isClean, type Reckoning } from '../dev/chaos/reckoning.ts';
import { runChaos } from '../dev/chaos/run.ts';
import { demoStack } from './demo-stack.ts';

const mutationFile = join(mkdtempSync(join(tmpdir(), 'hub-mutation-')), 'wanted');
process.env['HUB_MUTATION_FILE'] = mutationFile;
const stack = demoStack();
// The simulators' ledgers remember the mutation before.
let before = { doubled: 0, ghosts: 0 };

/** What only a broken program leaves, at any moment: people with two messages, messages that nobody here knows of. */
const isRed = ({ doubled, ghosts }: Reckoning): boolean => doubled > before.doubled || ghosts > before.ghosts;

/** Server and worker start again with this fault in them. */
async function mutate(mutation: Mutation): Promise<void> {
  writeFileSync(mutationFile, mutation);
  await stack.services.server.restart();
  await stack.services.worker.restart();
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
      before = result;
    },
  );
});
