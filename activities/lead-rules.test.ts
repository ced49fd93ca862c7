import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createRules } from '../adapters/postgres/rules.ts';
import { system } from '../domain/actor.ts';
import { leadBench } from '../test/lead-bench.ts';

const bench = leadBench();
const { capture, leadsOf } = bench;

describe('The rules of a captured lead', () => {
  it('start one run each, however often they are matched', async () => {
    const { tenantId } = bench;
    const action = { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name'] };
    await bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', 'send_template', ${sql.jsonb(action)}),
          (${tenantId}, 'Otra campaña', 'new_lead', '{"campaignIds":["1"]}', 'send_template', ${sql.jsonb(action)})`),
    );
    expect(await createRules(bench.db.database).activeForNewLead(tenantId)).toHaveLength(2);
    const { leadId } = await capture(await bench.aLead());
    for (let repeat = 0; repeat < 2; repeat += 1)
      expect(await bench.leads.matchRules({ tenantId, leadId: leadId ?? '' })).toEqual({ runs: 1 });
    const runs = await bench.db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(sql.type(z.object({ n: z.number() }))`SELECT count(*) AS n FROM automation_runs`),
    );
    expect(runs).toBe(1);
    expect(new Set(bench.startedRuns).size).toBe(1);
  });

  it('run once for each of a person’s submissions, on the lead that stands for them', async () => {
    const { tenantId } = bench;
    const action = { templateName: 'bienvenida_lead', language: 'es', variables: ['first_name'] };
    await bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', 'send_template', ${sql.jsonb(action)})`),
    );
    const answers = { phone_number: ['011 5555-0142'] };
    const submissions = [await bench.aLead({ answers }), await bench.aLead({ answers })];
    const ids = new Set<string | null>();
    for (const leadgenId of [...submissions, ...submissions]) {
      const { leadId } = await capture(leadgenId);
      ids.add(leadId);
      await bench.leads.matchRules({ tenantId, leadId: leadId ?? '', leadgenId });
    }
    expect(ids.size).toBe(1);
    expect(await leadsOf(tenantId)).toHaveLength(2);
    const runs = await bench.db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(z.object({ lead_id: z.string(), occurrence: z.string() }))`
        SELECT lead_id, occurrence FROM automation_runs ORDER BY created_at`),
    );
    expect(runs.map(({ occurrence }) => occurrence)).toEqual(submissions);
    expect(new Set(runs.map(({ lead_id }) => lead_id))).toEqual(ids);
  });

  it('run once for a submission, also when its lead is joined or separated before the intake is repeated', async () => {
    const { tenantId, stores } = bench;
    await bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', 'send_template', '{"templateName":"bienvenida_lead","language":"es","variables":[]}')`),
    );
    const intake = async (leadgenId: string) => {
      const { leadId } = await capture(leadgenId);
      await bench.leads.matchRules({ tenantId, leadId: leadId ?? '', leadgenId });
      return leadId ?? '';
    };
    const runs = () =>
      bench.db.database.inTenant(tenantId, (tx) =>
        tx.oneFirst(sql.type(z.object({ n: z.number() }))`SELECT count(*) AS n FROM automation_runs`),
      );
    const answers = { phone_number: ['011 5555-0142'] };
    const [first, again, other] = [await bench.aLead({ answers }), await bench.aLead({ answers }), await bench.aLead()];
    const stays = await intake(first);
    await intake(again);
    const { merges } = await stores.leadDossiers.byLead(tenantId, stays);
    await stores.leadMerges.separate(tenantId, stays, merges[0]?.id ?? '', system('test'));
    expect(await intake(again)).not.toBe(stays);
    await stores.leadMerges.join(tenantId, stays, await intake(other), system('test'));
    expect(await intake(other)).toBe(stays);
    expect(await runs()).toBe(3);
  });

  it('do not run for what was submitted before the page was connected, whichever way it came', async () => {
    const { tenantId } = bench;
    await bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`
        INSERT INTO automation_rules (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config)
        VALUES (${tenantId}, 'Bienvenida', 'new_lead', '{}', 'send_template', '{"templateName":"bienvenida_lead","language":"es","variables":[]}')`),
    );
    const runsOf = async (minutesAgo: number) => {
      const leadgenId = await bench.aLead({ createdSecondsAgo: minutesAgo * 60 });
      const { leadId } = await capture(leadgenId);
      return (await bench.leads.matchRules({ tenantId, leadId: leadId ?? '', leadgenId })).runs;
    };
    expect(await Promise.all([runsOf(1), runsOf(65), runsOf(75)])).toEqual([1, 1, 0]); // the page was connected an hour ago
  });
});

describe('The seller of a lead', () => {
  const told = async (leadgenId: string) => {
    const { leadId } = await capture(leadgenId);
    await bench.leads.matchRules({ tenantId: bench.tenantId, leadId: leadId ?? '', leadgenId });
    return leadId;
  };
  const aSeller = async () => {
    const { tenantId } = bench;
    const { id } = await bench.db.database.inTenant(tenantId, (tx) =>
      tx.one(sql.type(z.object({ id: z.string() }))`
        INSERT INTO users (tenant_id, email, name, password_hash) VALUES (${tenantId}, ${`s${tenantId}@example.com`}, 'Beto', '-') RETURNING id`),
    );
    await bench.stores.sellers.setTurns(tenantId, [id], system('test'));
  };

  it('is mailed once about each submission, whoever it is of, and without a word of who it is', async () => {
    await told(await bench.aLead());
    expect(bench.mails).toEqual([]);
    await aSeller();
    const answers = { phone_number: ['011 5555-0142'] };
    const submissions = [await bench.aLead({ answers }), await bench.aLead({ answers })];
    const ids = new Set<string | null>();
    for (const leadgenId of [...submissions, ...submissions]) ids.add(await told(leadgenId));
    expect([ids.size, bench.mails.length]).toEqual([1, 2]);
    expect(new Set(bench.mails.flatMap((mail) => Object.keys(mail)))).toEqual(
      new Set(['to', 'leadId', 'campaignName']),
    );
  });

  it('is not mailed about a test, and a mail server that is away holds nothing up', async () => {
    await aSeller();
    await told(await bench.aLead({ test: true }));
    expect(bench.mails).toEqual([]);
    bench.mailIsDown = true;
    const leadId = await told(await bench.aLead());
    expect(bench.mails).toMatchObject([{ to: `s${bench.tenantId}@example.com`, leadId }]);
  });
});
