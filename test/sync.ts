import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createCampaignSyncActivities } from '../activities/campaign-sync.ts';
import type { Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import type { MetaBench } from './meta-simulator.ts';

type Account = MetaBench['simulator']['world']['accounts'][number];

/** Connects a tenant to these accounts of the simulator, as the wizard does when a person confirms. */
export async function connectTo(
  { connections, oauthAttempts }: Pick<Stores, 'connections' | 'oauthAttempts'>,
  bench: MetaBench,
  tenantId: number,
  accounts: readonly Account[],
): Promise<void> {
  const id = randomUUID();
  const { access_token: accessToken } = await bench.control<{ access_token: string }>('tokens', {});
  await oauthAttempts.start(
    tenantId,
    { id, userId: null, stateHash: Buffer.from('h'), codeVerifier: null, expiresAt: new Date(Date.now() + 600_000) },
    system('test'),
  );
  await connections.confirm(tenantId, {
    attempt: await oauthAttempts.byId(tenantId, id),
    token: {
      accessToken,
      expiresAt: new Date(Date.now() + 5_000_000_000),
      dataAccessExpiresAt: null,
      metaUserId: null,
    },
    business: { id: null, name: null },
    accounts: accounts.map(({ accountId: adAccountId, name, currency, timeZone }) => {
      return { adAccountId, name, currency, timeZone, status: 1, businessId: null };
    }),
    pages: [],
  });
}

/** The activities of a campaign sync over real stores and the simulator. */
export const syncActivities = (
  stores: Stores,
  bench: MetaBench,
  given: Partial<Parameters<typeof createCampaignSyncActivities>[0]> = {},
) =>
  createCampaignSyncActivities({
    ...stores,
    meta: bench.freshClient(),
    cache: { invalidate: async () => {} },
    live: { publish: () => {}, subscribe: () => () => {} },
    metrics: bench.metrics,
    ...given,
  });

/** The SDK's own log says nothing. */
export const quiet = { logger: new DefaultLogger('ERROR', () => {}) };
export const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({}, quiet).run(work) as Promise<T>;

/** One sync as the workflow drives it, account after account, which began to read at `readFrom`. */
export async function syncOnce(
  activities: ReturnType<typeof syncActivities>,
  tenantId: number,
  readFrom = Date.now(),
): Promise<void> {
  const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
  if (plan === null) throw new Error('nothing is connected');
  for (const { adAccountId, changesOnly, slices, window } of plan.accounts) {
    const of = { tenantId, runId: plan.runId, adAccountId };
    await inActivity(() => activities.syncObjects({ ...of, changesOnly }));
    await inActivity(() => activities.syncInsights({ ...of, slices, readFrom }));
    await activities.finishAccount({ ...of, window, readFrom });
  }
  await activities.finishSync({ tenantId, runId: plan.runId, errorCode: null, startedAt: Date.now() });
}
