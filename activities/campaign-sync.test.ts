import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { system } from '../domain/actor.ts';
import { addDays } from '../domain/days.ts';
import { inActivity, quiet, syncActivities } from '../test/sync.ts';
import { syncBench } from '../test/sync-bench.ts';

const bench = syncBench();
const { meta, account, missedNight, metaCalls, ours, sync, theirs, today } = bench;

describe('A first sync', () => {
  it("brings 90 days whose sums are Meta's own, to the cent and by campaign", async () => {
    await sync();
    expect(await ours()).toEqual(await theirs(90));
    expect(bench.invalidated).toContain(bench.tenantId);
  });

  it('keeps budgets in major units by Meta’s own table', async () => {
    await sync();
    const budgets = await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.any(sql.type(z.object({ id: z.string(), daily_budget: z.string() }))`
        SELECT meta_campaign_id AS id, daily_budget FROM meta_ads_campaigns WHERE daily_budget IS NOT NULL`),
    );
    expect(budgets.length).toBeGreaterThan(0);
    for (const { id, daily_budget } of budgets) {
      const campaign = meta.simulator.world.campaigns.find((one) => one.id === id);
      expect(Number(daily_budget) * account().offset).toBe(campaign?.dailyBudget);
    }
  });

  it('counts its progress', async () => {
    const calls = await sync();
    const run = await bench.stores.syncRuns.maybeLatest(bench.tenantId);
    expect(run).toMatchObject({ kind: 'first', state: 'done', accountsDone: 1, calls });
    expect(run?.insightRows).toBeGreaterThan(100);
  });
});

describe('Every later sync', () => {
  it('takes six calls for three days, of which one is for the detail', async () => {
    await sync();
    expect(await sync()).toBe(6);
    expect(await bench.stores.syncRuns.maybeLatest(bench.tenantId)).toMatchObject({ kind: 'scheduled', state: 'done' });
  });

  it('keeps an ad that was deleted, and says that it was', async () => {
    await sync();
    const ad = meta.simulator.world.ads.find(({ accountId }) => accountId === account().id);
    await meta.control('objects', { id: ad?.id, status: 'DELETED' });
    await sync();
    const status = await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ status: z.string() }))`SELECT status FROM meta_ads_ads WHERE ad_id = ${ad?.id ?? ''}`,
      ),
    );
    await meta.control('objects', { id: ad?.id, status: 'ACTIVE' });
    expect(status).toBe('DELETED');
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
    await meta.control('restate', { days: 3 });
    await sync();
    expect(await ours()).not.toEqual(before);
    expect(await ours()).toEqual(await theirs(90));
  });

  it('reads three days, at any hour, when a person asked', async () => {
    await sync();
    await bench.stores.syncRuns.ask(bench.tenantId, system('test'), 60_000);
    const plan = await bench.activities.planSync({ tenantId: bench.tenantId, workflowRunId: randomUUID() });
    expect(plan).toMatchObject({ kind: 'manual', accounts: [{ window: 'narrow' }] });
  });
});

describe('The detail by ad', () => {
  it('adds up to the books where no ad was deleted, and stays beside them', async () => {
    await sync();
    const rows = await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.any(sql.type(z.object({ id: z.string(), spend: z.string(), ads: z.number() }))`
        SELECT meta_campaign_id AS id, sum(spend)::text AS spend, count(DISTINCT ad_id)::int AS ads
        FROM meta_ads_ad_insights GROUP BY 1 ORDER BY 1`),
    );
    const books = new Map((await ours()).map(({ id, spend }) => [id, spend]));
    expect(rows.length).toBeGreaterThan(10);
    for (const { id, spend, ads } of rows) expect([id, spend, ads]).toEqual([id, books.get(id), 1]);
  });
});

describe('The control total of the account', () => {
  it('is read once a day, and says that nothing is missing', async () => {
    await sync();
    const [control] = await bench.stores.controlTotals.latest(bench.tenantId);
    expect(control).toMatchObject({
      until: addDays(today(), -1),
      since: addDays(today(), -27),
      apart_spend: '0.00',
      apart_leads: 0,
    });
    expect(Number(control?.meta_spend)).toBeGreaterThan(1000);
    await missedNight();
    expect(await sync()).toBeLessThanOrEqual(10);
  });

  it('names what belongs to no campaign', async () => {
    await sync();
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(sql.unsafe`
        DELETE FROM meta_ads_campaigns WHERE meta_campaign_id = (SELECT meta_campaign_id FROM meta_ads_campaigns ORDER BY spend DESC LIMIT 1)`),
    );
    const plan = {
      tenantId: bench.tenantId,
      runId: (await bench.stores.syncRuns.maybeLatest(bench.tenantId))?.id ?? '',
    };
    const [kept] = await bench.stores.controlTotals.latest(bench.tenantId);
    await bench.stores.controlTotals.save(
      bench.tenantId,
      plan.runId,
      { adAccountId: account().accountId, currency: account().currency },
      { since: kept?.since ?? '', until: kept?.until ?? '' },
      { spend: kept?.meta_spend ?? '0', impressions: 0, clicks: 0, leads: kept?.meta_leads ?? 0, calls: 1 },
    );
    const [control] = await bench.stores.controlTotals.latest(bench.tenantId);
    expect(Number(control?.apart_spend)).toBeGreaterThan(100);
  });
});

describe('Trouble', () => {
  it('skips the slices that an earlier try had finished', async () => {
    const plan = await bench.activities.planSync({ tenantId: bench.tenantId, workflowRunId: randomUUID() });
    const [first] = plan?.accounts ?? [];
    if (plan === null || first === undefined) throw new Error('no plan');
    const of = { tenantId: bench.tenantId, runId: plan.runId, adAccountId: first.adAccountId };
    const retried = new MockActivityEnvironment({ heartbeatDetails: { slicesDone: 2, rows: 500 } }, quiet);
    const before = await metaCalls();
    const result = await retried.run(() => bench.activities.syncInsights({ ...of, slices: first.slices }));
    expect(result).toMatchObject({ slicesDone: 3 });
    expect((await metaCalls()) - before).toBeLessThanOrEqual(5);
  });

  it('keeps the slices that were whole when a later one breaks, and compares each with the account’s total once', async () => {
    const { stores, tenantId } = bench;
    const plan = await bench.activities.planSync({ tenantId, workflowRunId: randomUUID() });
    const [planned] = plan?.accounts ?? [];
    if (plan === null || planned === undefined) throw new Error('no plan');
    const of = { tenantId, runId: plan.runId, adAccountId: planned.adAccountId, slices: planned.slices };
    const client = meta.freshClient();
    const totals: string[] = [];
    const accountTotal: typeof client.accountTotal = (token, id, days) => {
      totals.push(days.since);
      return client.accountTotal(token, id, days);
    };
    const adDays: typeof client.adDays = (token, id, days) => {
      if (days.since === planned.slices[1]?.since) throw new Error('the worker died');
      return client.adDays(token, id, days);
    };
    const dying = syncActivities(stores, meta, { meta: { ...client, accountTotal, adDays } });
    const whole = syncActivities(stores, meta, { meta: { ...client, accountTotal } });
    await inActivity(() => whole.syncObjects(of));
    const first = new MockActivityEnvironment({}, quiet);
    let progress: unknown;
    first.on('heartbeat', (details) => {
      progress = details;
    });
    await expect(first.run(() => dying.syncInsights(of))).rejects.toThrow('died');
    expect(progress).toMatchObject({ slicesDone: 1 });
    const again = new MockActivityEnvironment({ heartbeatDetails: progress }, quiet);
    expect(await again.run(() => whole.syncInsights(of))).toMatchObject({ slicesDone: 3 });
    await whole.finishAccount({ ...of, window: planned.window });
    expect(totals).toEqual(planned.slices.map(({ since }) => since));
    expect(await ours()).toEqual(await theirs(90));
  });

  it('names the refused token, so that a newer one is not blamed', async () => {
    const { token, version } = await bench.stores.connections.withToken(bench.tenantId);
    await meta.control('tokens/kill', { access_token: token, subcode: 463 });
    const plan = await bench.activities.planSync({ tenantId: bench.tenantId, workflowRunId: randomUUID() });
    const of = { tenantId: bench.tenantId, runId: plan?.runId ?? '', adAccountId: account().accountId };
    await expect(inActivity(() => bench.activities.syncObjects(of))).rejects.toMatchObject({
      code: 'reconnect_required',
      details: { subcode: 463, tokenVersion: version },
    });
  });

  it('plans nothing while a person must sign in again', async () => {
    await bench.stores.connections.markReconnectNeeded(bench.tenantId, 'expired', null);
    expect(await bench.activities.planSync({ tenantId: bench.tenantId, workflowRunId: randomUUID() })).toBeNull();
  });
});
