import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createAdAccounts } from '../adapters/postgres/ad-accounts.ts';
import { createCampaigns } from '../adapters/postgres/campaigns.ts';
import { createConnections } from '../adapters/postgres/connections.ts';
import { createInsights } from '../adapters/postgres/insights.ts';
import { createOauthAttempts } from '../adapters/postgres/oauth-attempts.ts';
import { createSyncRuns } from '../adapters/postgres/sync-runs.ts';
import { system } from '../domain/actor.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { metaBench } from '../test/meta-simulator.ts';
import { createCampaignSyncActivities } from './campaign-sync.ts';

const bench = metaBench();
const vault = createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']);
let db: TestDatabase;
let tenantId: number;
let invalidated: number[];
let activities: ReturnType<typeof createCampaignSyncActivities>;
let stores: ReturnType<typeof storesOf>;

const storesOf = ({ database }: TestDatabase) => ({
  connections: createConnections({ ...database, vault }),
  attempts: createOauthAttempts({ ...database, vault }),
  adAccounts: createAdAccounts(database),
  campaigns: createCampaigns(database),
  insights: createInsights(database),
  syncRuns: createSyncRuns(database),
});

beforeAll(async () => {
  db = await testDatabase();
  stores = storesOf(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  invalidated = [];
  activities = createCampaignSyncActivities({
    ...stores,
    meta: bench.freshClient(),
    cache: { invalidate: async (tenant) => void invalidated.push(tenant) },
    live: { publish: () => {}, subscribe: () => () => {} },
    metrics: bench.metrics,
  });
  await connect();
});

const account = () => {
  const [first] = bench.simulator.world.accounts;
  if (first === undefined) throw new Error('no account');
  return first;
};

async function connect() {
  const id = randomUUID();
  const { access_token: accessToken } = await bench.control<{ access_token: string }>('tokens', {});
  const ends = { expiresAt: new Date(Date.now() + 5_000_000_000), dataAccessExpiresAt: null };
  await stores.attempts.start(
    tenantId,
    { id, userId: null, stateHash: Buffer.from('h'), codeVerifier: null, expiresAt: new Date(Date.now() + 600_000) },
    system('test'),
  );
  const { accountId: adAccountId, currency, timeZone, name } = account();
  await stores.connections.confirm(tenantId, {
    attempt: await stores.attempts.byId(tenantId, id),
    token: { accessToken, ...ends, metaUserId: null },
    business: { id: null, name: null },
    accounts: [{ adAccountId, name, currency, timeZone, status: 1, businessId: null }],
    pages: [],
  });
}

const quiet = { logger: new DefaultLogger('ERROR', () => {}) };
const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({}, quiet).run(work) as Promise<T>;

/** One sync as the workflow drives it; gives the number of calls to Meta. */
async function sync(): Promise<number> {
  const before = await metaCalls();
  const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
  if (plan === null) return 0;
  for (const { adAccountId, slices, window } of plan.accounts) {
    const of = { tenantId, runId: plan.runId, adAccountId };
    await inActivity(() => activities.syncObjects(of));
    await inActivity(() => activities.syncInsights({ ...of, slices }));
    await activities.finishAccount({ ...of, window });
  }
  await activities.finishSync({ tenantId, runId: plan.runId, errorCode: null, startedAt: Date.now() });
  return (await metaCalls()) - before;
}
const metaCalls = async () => (await bench.control<{ calls: unknown[] }>('ledger')).calls.length;

const totalsRow = z.object({ id: z.string(), spend: z.string(), impressions: z.number(), leads: z.number() });
const ours = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(totalsRow)`
      SELECT meta_campaign_id AS id, spend, impressions, leads_count AS leads FROM meta_ads_campaigns
      WHERE impressions > 0 ORDER BY meta_campaign_id`),
  );
async function theirs(days: number) {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: account().timeZone }).format(new Date());
  const since = new Date(Date.parse(today) - (days - 1) * 86_400_000).toISOString().slice(0, 10);
  const { campaigns } = await bench.control<{ campaigns: z.output<typeof totalsRow>[] }>(
    `totals?account=${account().id}&since=${since}&until=${today}`,
  );
  return campaigns
    .map(({ id, spend, impressions, leads }) => ({ id, spend: Number(spend).toFixed(2), impressions, leads }))
    .filter(({ impressions }) => impressions > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

describe('A first sync', () => {
  it("brings 90 days whose sums are Meta's own, to the cent and by campaign", async () => {
    await sync();
    expect(await ours()).toEqual(await theirs(90));
    expect(invalidated).toContain(tenantId);
  });

  it('keeps budgets in major units by Meta’s own table', async () => {
    await sync();
    const budgets = await db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ id: z.string(), daily_budget: z.string() }))`
        SELECT meta_campaign_id AS id, daily_budget FROM meta_ads_campaigns WHERE daily_budget IS NOT NULL`),
    );
    expect(budgets.length).toBeGreaterThan(0);
    for (const { id, daily_budget } of budgets) {
      const campaign = bench.simulator.world.campaigns.find((one) => one.id === id);
      expect(Number(daily_budget) * account().offset).toBe(campaign?.dailyBudget);
    }
  });

  it('counts its progress', async () => {
    const calls = await sync();
    const run = await stores.syncRuns.maybeLatest(tenantId);
    expect(run).toMatchObject({ kind: 'first', state: 'done', accountsDone: 1, calls });
    expect(run?.insightRows).toBeGreaterThan(100);
  });
});

describe('Every later sync', () => {
  it('takes five calls for three days', async () => {
    await sync();
    expect(await sync()).toBe(5);
    expect(await stores.syncRuns.maybeLatest(tenantId)).toMatchObject({ kind: 'scheduled', state: 'done' });
  });

  it('changes nothing when nothing changed', async () => {
    await sync();
    const before = await ours();
    await sync();
    expect(await ours()).toEqual(before);
  });

  it('takes over what Meta restated, and still adds up', async () => {
    await sync();
    const before = await ours();
    await bench.control('restate', { days: 3 });
    await sync();
    expect(await ours()).not.toEqual(before);
    expect(await ours()).toEqual(await theirs(90));
  });

  it('reads three days, at any hour, when a person asked', async () => {
    await sync();
    await stores.syncRuns.ask(tenantId, system('test'), 60_000);
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    expect(plan).toMatchObject({ kind: 'manual', accounts: [{ window: 'narrow' }] });
  });
});

describe('Trouble', () => {
  it('skips the slices that an earlier try had finished', async () => {
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const [first] = plan?.accounts ?? [];
    if (plan === null || first === undefined) throw new Error('no plan');
    const of = { tenantId, runId: plan.runId, adAccountId: first.adAccountId };
    const retried = new MockActivityEnvironment({ heartbeatDetails: { slicesDone: 2, rows: 500 } }, quiet);
    const before = await metaCalls();
    const result = await retried.run(() => activities.syncInsights({ ...of, slices: first.slices }));
    expect(result).toMatchObject({ slicesDone: 3 });
    expect((await metaCalls()) - before).toBeLessThanOrEqual(2);
  });

  it('names the refused token, so that a newer one is not blamed', async () => {
    const { token, version } = await stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 463 });
    const plan = await activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const of = { tenantId, runId: plan?.runId ?? '', adAccountId: account().accountId };
    await expect(inActivity(() => activities.syncObjects(of))).rejects.toMatchObject({
      code: 'reconnect_required',
      details: { subcode: 463, tokenVersion: version },
    });
  });

  it('plans nothing while a person must sign in again', async () => {
    await stores.connections.markReconnectNeeded(tenantId, 'expired', null);
    expect(await activities.planSync({ tenantId, workflowRunId: randomUUID() })).toBeNull();
  });
});
