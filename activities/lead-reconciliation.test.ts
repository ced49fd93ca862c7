import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import fc from 'fast-check';
import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { leadBench } from '../test/lead-bench.ts';

const bench = leadBench();
const { meta, leadsOf } = bench;
const quiet = { logger: new DefaultLogger('ERROR', () => {}) };
const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({}, quiet).run(work) as Promise<T>;

/** One comparison as the workflow drives it; gives what was captured and which forms were read how deep. */
async function reconcile(tenantId = bench.tenantId) {
  const done = { captured: 0, recovered: 0, read: [] as string[] };
  for (const pageId of (await bench.reconciliation.planReconciliation({ tenantId })).pageIds) {
    const { readings } = await bench.reconciliation.countForms({ tenantId, pageId });
    for (const reading of readings) {
      const one = await inActivity(() => bench.reconciliation.readForm({ tenantId, pageId, ...reading }));
      done.captured += one.captured;
      done.recovered += one.recovered;
      if (reading.formId === bench.form.id) done.read.push(reading.depth);
    }
    await bench.reconciliation.finishPage({ tenantId, pageId, errorCode: null });
  }
  return done;
}

/** The intake of a lead, as its workflow does it. */
async function intake(leadgenId: string, pageId: string | null = bench.page.id) {
  const { tenantId, leads } = bench;
  const { leadId } = await leads.captureLead({ tenantId, leadgenId, pageId, receivedAt: 0 });
  if (leadId !== null) await leads.matchRules({ tenantId, leadId });
}

const counted = async () => {
  const { forms } = await bench.stores.leadForms.overview(bench.tenantId);
  const form = forms.find(({ form_id }) => form_id === bench.form.id);
  return { meta: form?.leads_count, here: form?.here, unreachable: form?.unreachable_count };
};

describe('Comparing leads with Meta', () => {
  it('brings a lead that no webhook told of, marks it as recovered and starts its intake', async () => {
    await reconcile();
    const leadgenId = await bench.aLead();
    expect(await reconcile()).toEqual({ captured: 1, recovered: 1, read: ['recent'] });
    expect(await leadsOf(bench.tenantId)).toMatchObject([{ leadgen_id: leadgenId, is_recovered: true, touches: 1 }]);
    expect(bench.intakes).toEqual([leadgenId]);
    expect(await counted()).toEqual({ meta: 1, here: 1, unreachable: 0 });
  });

  it('reads 90 days back at first and messages nobody who answered before the page was connected', async () => {
    await bench.aLead({ createdSecondsAgo: 80 * 86_400 });
    await bench.aLead({ createdSecondsAgo: 100 * 86_400 });
    expect(await reconcile()).toEqual({ captured: 1, recovered: 0, read: ['deep'] });
    expect(bench.intakes).toEqual([]);
    expect(await counted()).toEqual({ meta: 2, here: 1, unreachable: 1 });
  });

  it('reads no form whose figures agree until a day has passed', async () => {
    await bench.aLead();
    await reconcile();
    expect(await reconcile()).toEqual({ captured: 0, recovered: 0, read: [] });
    await bench.db.database.inTenant(bench.tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE lead_forms SET read_at = now() - interval '25 hours'`),
    );
    expect((await reconcile()).read).toEqual(['recent']);
  });

  it('reads further back when a week did not explain the difference', async () => {
    await reconcile();
    await bench.aLead({ createdSecondsAgo: 20 * 86_400 });
    expect(await reconcile()).toMatchObject({ captured: 0, read: ['recent'] });
    expect(await reconcile()).toMatchObject({ captured: 1, read: ['deep'] });
    expect((await reconcile()).read).toEqual([]);
  });

  it('starts the intake of a lead that waits as a row, and leaves test leads out of the figures', async () => {
    const leadgenId = await bench.aLead();
    await bench.stores.leads.postpone(bench.tenantId, leadgenId, bench.page.id, 'failed', 'permission_missing');
    await bench.aLead({ test: true });
    await reconcile();
    expect(bench.intakes).toContain(leadgenId);
    await intake(leadgenId);
    expect(await counted()).toMatchObject({ meta: 1, here: 1 });
  });

  it('never marks as read a form whose leads could not all be read', async () => {
    await bench.aLead();
    const { tenantId, page, form } = bench;
    await bench.reconciliation.countForms({ tenantId, pageId: page.id });
    await meta.control('faults', { match: { path: `/${form.id}/leads` }, kind: 'code', value: 200, times: 1 });
    const reading = { tenantId, pageId: page.id, formId: form.id, depth: 'deep' as const };
    await expect(inActivity(() => bench.reconciliation.readForm(reading))).rejects.toMatchObject({
      code: 'permission_missing',
    });
    const problem = async () => (await bench.stores.pages.listForTenant(tenantId))[0]?.problem;
    expect(await problem()).toBe('leads_access_missing');
    expect((await reconcile()).read).toEqual(['deep']);
    expect(await problem()).toBeNull();
  });

  it('tells the connection which token Meta refused, and compares nothing while a person must sign in', async () => {
    const { version } = await bench.stores.connections.withToken(bench.tenantId);
    await meta.control('tokens/kill', { subcode: 460 });
    await expect(
      bench.reconciliation.countForms({ tenantId: bench.tenantId, pageId: bench.page.id }),
    ).rejects.toMatchObject({ code: 'reconnect_required' });
    expect(bench.rejections).toEqual([{ tenantId: bench.tenantId, subcode: 460, tokenVersion: version }]);
    await bench.stores.connections.markReconnectNeeded(bench.tenantId, 'password_changed', null);
    expect(await bench.reconciliation.planReconciliation({ tenantId: bench.tenantId })).toEqual({ pageIds: [] });
  });
});

describe('Webhook, repeat, comparison and reconnection', () => {
  const steps = ['webhook', 'repeat', 'compare', 'reconnect', 'refused', 'due'] as const;
  const does: Record<(typeof steps)[number], (leadgenId: string) => Promise<unknown>> = {
    webhook: (leadgenId) => intake(leadgenId),
    repeat: (leadgenId) => Promise.all([intake(leadgenId), intake(leadgenId)]),
    compare: () => reconcile(),
    reconnect: () => bench.reconnect(),
    async refused(leadgenId) {
      await meta.control('faults', { match: { path: `/${leadgenId}` }, kind: 'code', value: 200, times: 1 });
      await intake(leadgenId);
      await fetch(`${meta.simulator.url}/_control/faults`, { method: 'DELETE' });
    },
    async due() {
      for (const leadgenId of await bench.dueLeads()) await intake(leadgenId, null);
    },
  };

  it('leave the same tables in whatever order they come', async () => {
    const order = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat({ max: 1 })), { maxLength: 6 });
    const leadgenIds = [await bench.aLead(), await bench.aLead({ organic: true })];
    await reconcile();
    const expected = comparable(await leadsOf(bench.tenantId));
    expect(expected).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(order, async (given) => {
        await bench.connectTenant();
        for (const [step, which] of given) await does[step](leadgenIds[which] ?? '');
        await reconcile();
        for (const leadgenId of bench.intakes.splice(0)) await intake(leadgenId);
        expect(comparable(await leadsOf(bench.tenantId))).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('leave one person of two submissions in whatever order they come', async () => {
    const order = fc.array(fc.tuple(fc.constantFrom(...steps), fc.nat({ max: 1 })), { maxLength: 4 });
    const answers = { phone_number: ['011 5555-0142'] };
    const leadgenIds = [await bench.aLead({ answers }), await bench.aLead({ answers })];
    await fc.assert(
      fc.asyncProperty(order, async (given) => {
        await bench.connectTenant();
        for (const [step, which] of given) await does[step](leadgenIds[which] ?? '');
        await reconcile();
        for (const leadgenId of bench.intakes.splice(0)) await intake(leadgenId);
        expect((await leadsOf(bench.tenantId)).map((lead) => lead.leadgen_id)).toEqual([...leadgenIds].sort());
        const { rows } = await bench.stores.leadPages.list(bench.tenantId, { q: '', status: undefined, page: 1 });
        expect(rows).toHaveLength(1);
        expect((await bench.stores.leadPages.byId(bench.tenantId, rows[0]?.id ?? '')).touches).toHaveLength(2);
        expect(await counted()).toMatchObject({ meta: 2, here: 2 });
      }),
      { numRuns: 10 },
    );
  });

  // Whether a lead was recovered tells how it came, and is the one thing that may differ.
  const comparable = (leads: Awaited<ReturnType<typeof leadsOf>>) => leads.map(({ is_recovered: _, ...lead }) => lead);
});
