import { createHash, randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createCampaignSyncActivities } from '../activities/campaign-sync.ts';
import { createConnectionActivities } from '../activities/connection.ts';
import { createCreativePictureActivities } from '../activities/creative-pictures.ts';
import { createLeadReconciliationActivities } from '../activities/lead-reconciliation.ts';
import { createLeadActivities } from '../activities/leads.ts';
import { createVault } from '../adapters/crypto/fernet.ts';
import { createPictures } from '../adapters/meta/pictures.ts';
import { normalizePhone } from '../adapters/phone.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { createCampaignSyncs } from '../adapters/temporal/campaign-sync.ts';
import { createConnectionWorkflows } from '../adapters/temporal/connection.ts';
import { createLeadReconciliations } from '../adapters/temporal/lead-reconciliation.ts';
import { createSchedules } from '../adapters/temporal/schedules.ts';
import { system } from '../domain/actor.ts';
import { TEST_FERNET_KEY } from './app.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { everyHistory } from './histories.ts';
import { META_APP, metaBench } from './meta-simulator.ts';
import { workflowBench } from './time-skipping.ts';

// Everything real but the browser: Temporal's dev server, PostgreSQL, and Meta's simulator over HTTP.
const temporal = workflowBench('index.ts', 'dev');
const bench = metaBench();
const patience = { timeout: 100_000, interval: 100 };
let db: TestDatabase;
let stores: Stores;
const intakes: string[] = [];

beforeAll(async () => {
  db = await testDatabase();
  stores = createStores(db.database, createVault([TEST_FERNET_KEY]), {
    ycloudApiKey: undefined,
    ycloudWebhookSecret: undefined,
    onFallback: () => {},
  });
});

const activities = () => {
  const live = { publish: () => {}, subscribe: () => () => {} };
  // The task queue is known once the worker is.
  const schedulesNow = () => createSchedules(temporal.env.client, { taskQueue: temporal.taskQueue });
  const schedules = {
    startCampaignSync: (tenantId: number) => schedulesNow().startCampaignSync(tenantId),
    stopCampaignSync: (tenantId: number) => schedulesNow().stopCampaignSync(tenantId),
    startLeadReconciliation: (tenantId: number) => schedulesNow().startLeadReconciliation(tenantId),
    stopLeadReconciliation: (tenantId: number) => schedulesNow().stopLeadReconciliation(tenantId),
  };
  const meta = bench.freshClient();
  const cache = { invalidate: async () => {} };
  return {
    ...createConnectionActivities({ ...stores, attempts: stores.oauthAttempts, meta, schedules, live }),
    ...createCampaignSyncActivities({ ...stores, meta, cache, live, metrics: bench.metrics }),
    ...createCreativePictureActivities({
      ...stores,
      cache,
      pictures: createPictures({ graphUrl: bench.simulator.url }),
    }),
    ...createLeadReconciliationActivities({
      ...stores,
      meta,
      live,
      normalizePhone,
      metrics: bench.metrics,
      invalidateFigures: cache.invalidate,
      tokenRejected: async () => {},
      startIntake: async ({ leadgenId }) => void intakes.push(leadgenId),
    }),
  };
};

const leadActivities = () =>
  createLeadActivities({
    ...stores,
    meta: bench.freshClient(),
    tokenRejected: async () => true,
    tellSeller: async () => {},
    normalizePhone,
    invalidateFigures: async () => {},
    live: { publish: () => {}, subscribe: () => () => {} },
    metrics: bench.metrics,
    runs: stores.automationRuns,
    automationWorkflowId: () => 'none',
    startAutomation: async () => {},
  });

async function signIn(tenantId: number): Promise<string> {
  const attemptId = randomUUID();
  const workflows = createConnectionWorkflows(temporal.env.client, { taskQueue: temporal.taskQueue });
  const state = { stateHash: createHash('sha256').update('s').digest(), codeVerifier: null };
  const expiresAt = new Date(Date.now() + 600_000);
  await stores.oauthAttempts.start(tenantId, { id: attemptId, userId: null, ...state, expiresAt }, system('test'));
  await workflows.begin(tenantId, attemptId);
  await stores.oauthAttempts.park(tenantId, attemptId, { code: await bench.signIn({ rerequest: true }) });
  await workflows.deliverOauthReturned(tenantId, attemptId);
  await stores.oauthAttempts.markDelivered(tenantId, attemptId);
  await vi.waitFor(async () => {
    expect((await stores.oauthAttempts.byId(tenantId, attemptId)).status).toBe('exchanged');
  }, patience);
  const { businesses } = await stores.oauthAttempts.byId(tenantId, attemptId);
  const businessId = businesses[0]?.businessId ?? null;
  await vi.waitFor(() => workflows.selectBusiness(tenantId, { attemptId, businessId }), patience);
  const { adAccounts, pages } = await stores.oauthAttempts.byId(tenantId, attemptId);
  const pageIds = pages.filter((page) => page.tasks.includes('MANAGE')).map((page) => page.pageId);
  const adAccountIds = adAccounts.map((account) => account.adAccountId);
  await workflows.selectAssets(tenantId, { attemptId, adAccountIds, pageIds });
  await workflows.confirm(tenantId, attemptId);
  return attemptId;
}

const spendRow = z.object({ account: z.string(), spend: z.string(), days: z.number() });
const spendByAccount = (tenantId: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(spendRow)`
      SELECT meta_account_id AS account, sum(spend) AS spend, count(DISTINCT date) AS days
      FROM meta_ads_insights WHERE tenant_id = ${tenantId} GROUP BY meta_account_id`),
  );

describe('One connection, end to end', () => {
  it('signs in, syncs 90 days to the cent, survives a dead token, and leaves no secret in any history', async () => {
    const tenantId = await aTenant(db);
    await temporal.withActivities(activities(), async () => {
      const firstAttempt = await signIn(tenantId);
      expect((await stores.connections.byTenant(tenantId)).status).toBe('connected');
      const done = () =>
        vi.waitFor(async () => expect((await stores.syncRuns.maybeLatest(tenantId))?.state).toBe('done'), patience);
      await done();
      const ours = await spendByAccount(tenantId);
      expect(ours.length).toBeGreaterThan(0);
      for (const { account, spend, days } of ours) {
        expect(days).toBeGreaterThan(80);
        expect(Number(spend)).toBe(await theirSpend(account));
      }

      const { token } = await stores.connections.withToken(tenantId);
      await bench.control('tokens/kill', { access_token: token, subcode: 460 });
      await createCampaignSyncs(temporal.env.client).start(tenantId);
      await vi.waitFor(async () => {
        const { status, reason } = await stores.connections.byTenant(tenantId);
        expect({ status, reason }).toEqual({ status: 'reconnect_needed', reason: 'password_changed' });
      }, patience);
      await bench.control('tokens/revive', {});
      await signIn(tenantId);
      expect((await stores.connections.byTenant(tenantId)).status).toBe('connected');
      await done();

      const histories = await everyHistory(temporal.env.client);
      expect(histories).toContain(firstAttempt); // it stands in payloads only: the scan does see into them
      for (const secret of [token, META_APP.appSecret, (await stores.connections.withToken(tenantId)).token])
        expect(histories).not.toContain(secret);
      expect(histories).not.toMatch(/EAA[A-Za-z0-9]{8}|gAAAA/);

      await createConnectionWorkflows(temporal.env.client).disconnect(tenantId, null);
      await vi.waitFor(async () => {
        expect((await stores.connections.byTenant(tenantId)).status).toBe('disconnected');
      }, patience);
    });
  });
});

describe('A lead that Meta never told of', () => {
  it('is here, marked and on its way to its rules, as soon as somebody asks for a comparison', async () => {
    const tenantId = await aTenant(db);
    await temporal.withActivities(activities(), async () => {
      await signIn(tenantId);
      const overview = () => stores.leadForms.overview(tenantId);
      await vi.waitFor(async () => {
        const { pages } = await overview();
        expect(pages.length).toBeGreaterThan(0);
        expect(pages.every(({ reconciled_at }) => reconciled_at !== null)).toBe(true);
      }, patience);
      const form = (await overview()).forms.find(({ status }) => status === 'ACTIVE');
      const { leadgen_ids } = await bench.control<{ leadgen_ids: string[] }>('leads', {
        form_id: form?.form_id,
        deliver: false,
      });
      // Meta's times are whole seconds: one submitted in the second of the connection counts as older than it.
      await db.database.inTenant(tenantId, (tx) =>
        tx.query(sql.unsafe`UPDATE pages SET subscribed_at = subscribed_at - interval '1 minute'`),
      );
      await createLeadReconciliations(temporal.env.client).start(tenantId);
      await vi.waitFor(async () => {
        const found = (await overview()).forms.find(({ form_id }) => form_id === form?.form_id);
        expect(found).toMatchObject({ leads_count: 1, here: 1, recovered: 1 });
      }, patience);
      expect(intakes).toEqual(leadgen_ids);
      const { rows } = await stores.leadPages.list(tenantId, { q: '', status: undefined, page: 1 });
      expect(rows).toMatchObject([{ is_recovered: true }]);
      expect(await everyHistory(temporal.env.client)).not.toContain(rows[0]?.phone ?? 'no phone');
      await createConnectionWorkflows(temporal.env.client).disconnect(tenantId, null);
      await vi.waitFor(async () => {
        const asked = createLeadReconciliations(temporal.env.client).start(tenantId);
        await expect(asked).rejects.toMatchObject({ code: 'conflict' });
      }, patience);
    });
  });
});

describe('Two tenants of one person and the same pages', () => {
  it('are independent: when one disconnects, the next lead and sync of the other arrive', async () => {
    const [first, second] = [await aTenant(db), await aTenant(db)];
    await temporal.withActivities(activities(), async () => {
      await signIn(first);
      await signIn(second);
      const runs = () => stores.syncRuns.maybeLatest(second);
      await vi.waitFor(async () => expect((await runs())?.state).toBe('done'), patience);
      const firstRun = (await runs())?.id;
      const [page] = await stores.pages.listForTenant(second);
      const pageId = page?.pageId ?? '';
      expect(await stores.pages.tenantsOf(pageId)).toEqual(expect.arrayContaining([first, second]));

      await createConnectionWorkflows(temporal.env.client).disconnect(first, null);
      await vi.waitFor(async () => {
        expect((await stores.connections.byTenant(first)).status).toBe('disconnected');
      }, patience);
      expect(await stores.pages.tenantsOf(pageId)).toEqual([second]);
      const token = (await stores.pages.maybeToken(second, pageId)) ?? '';
      expect(await bench.meta.subscriptions(token, pageId)).toMatchObject([{ fields: ['leadgen'] }]);

      const form = bench.simulator.world.forms.find((one) => one.pageId === pageId && one.status === 'ACTIVE');
      const { leadgen_ids } = await bench.control<{ leadgen_ids: string[] }>('leads', {
        form_id: form?.id,
        deliver: false,
      });
      const read = await leadActivities().captureLead({
        tenantId: second,
        leadgenId: leadgen_ids[0] ?? '',
        pageId,
        receivedAt: 0,
      });
      expect(read).toMatchObject({ outcome: 'captured' });

      await createCampaignSyncs(temporal.env.client).start(second);
      await vi.waitFor(async () => {
        const run = await runs();
        expect([run?.state, run?.id === firstRun]).toEqual(['done', false]);
      }, patience);
      await createConnectionWorkflows(temporal.env.client).disconnect(second, null);
    });
  });
});

async function theirSpend(accountId: string): Promise<number> {
  const account = bench.simulator.world.accounts.find((one) => one.accountId === accountId);
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: account?.timeZone ?? 'UTC' }).format(new Date());
  const since = new Date(Date.parse(today) - 89 * 86_400_000).toISOString().slice(0, 10);
  const { spend } = await bench.control<{ spend: string }>(
    `totals?account=${account?.id}&since=${since}&until=${today}`,
  );
  return Number(spend);
}
