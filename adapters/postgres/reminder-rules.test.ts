import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import type { Reminder, VariableSource } from '../../domain/automation.ts';
import { dateWords } from '../../domain/days.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { aRun, type SendCase } from '../../test/outbound.ts';
import { createAutomationRuns, type RunToStart } from './automation-runs.ts';
import { createInbox } from './inbox.ts';
import { createOpportunities } from './opportunities.ts';
import { createOutboundMessages } from './outbound-messages.ts';
import { createReminderRules } from './reminder-rules.ts';
import { createRuleTrials } from './rule-trials.ts';
import { createRules } from './rules.ts';
import { createSales } from './sales.ts';

let db: TestDatabase;
let tenantId: number;
let person: SendCase;
beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aRun(db.database, tenantId);
});

const change = (statement: ReturnType<typeof sql.unsafe>) =>
  db.database.inTenant(tenantId, (tx) => tx.query(statement));
/** A rule that was last looked at half an hour ago. */
async function aReminder(remind: Reminder, campaignIds?: string[], variable: VariableSource = 'first_name') {
  const step = { templateName: 'bienvenida_lead', language: 'es', variables: [variable], waitMinutes: 0 };
  const rule = await createRules(db.database).create(
    tenantId,
    { name: 'Turno', trigger: 'reminder', conditions: { remind, campaignIds }, steps: [step], dailyCap: null },
    system('test'),
  );
  await change(sql.unsafe`UPDATE automation_rules SET looked_at = now() - interval '30 minutes' WHERE id = ${rule.id}`);
  return rule;
}
const localTime = (hours: number) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(sql.type(z.object({ at: z.string() }))`
      SELECT to_char((now() + ${hours} * interval '1 hour') AT TIME ZONE time_zone, 'YYYY-MM-DD"T"HH24:MI') AS at FROM tenants WHERE id = ${tenantId}`),
  );
const anOpportunity = async (hours: number, leadId = person.leadId) =>
  createSales(db.database).openOpportunity(
    tenantId,
    leadId,
    { name: 'Implante', value: '100', currency: 'ARS', expectedAt: await localTime(hours) },
    system('test'),
  );
const look = (ruleId: string) => createReminderRules(db.database).startDue(tenantId, ruleId);
const runsOf = (ruleId: string) =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(sql.type(z.object({ id: z.string(), lead_id: z.string(), occurrence: z.string(), state: z.string() }))`
      SELECT id, lead_id, occurrence, state FROM automation_runs WHERE tenant_id = ${tenantId} AND rule_id = ${ruleId} ORDER BY created_at, id`),
  );
const dayBefore: Reminder = { date: 'expected', side: 'before', hours: 24 };

/** What its message would say of the date; else why there is none. */
async function saidBy(runId: string): Promise<string | undefined> {
  const claim = await createOutboundMessages(db.database).claim(tenantId, runId, new Date());
  if (claim.decision === 'send') return claim.message.bodyParameters[0];
  return 'reason' in claim ? claim.reason : claim.decision;
}

const inWords = async (hours: number, locale: 'es' | 'en') => {
  const at = await localTime(hours);
  return dateWords(new Date(`${at}:00-03:00`), locale, 'America/Argentina/Buenos_Aires');
};

describe('a reminder', () => {
  it('starts once, so long before the expected date, and its message leaves', async () => {
    const rule = await aReminder(dayBefore);
    await anOpportunity(23.8);
    await look(rule.id);
    await change(
      sql.unsafe`UPDATE automation_rules SET looked_at = now() - interval '30 minutes' WHERE id = ${rule.id}`,
    );
    await look(rule.id);
    const runs = await runsOf(rule.id);
    expect(runs).toMatchObject([{ lead_id: person.leadId, occurrence: expect.stringMatching(/^date:\d{4}-/) }]);
    const started: RunToStart[] = [];
    await createAutomationRuns(db.database).startLater(
      tenantId,
      runs[0]?.id ?? '',
      async (run) => void started.push(run),
    );
    expect(started).toHaveLength(1);
    const claim = await createOutboundMessages(db.database).claim(tenantId, runs[0]?.id ?? '', new Date());
    expect(claim).toMatchObject({ decision: 'send' });
  });

  it('does not start for a date that is still far, or was due before anybody looked', async () => {
    const rule = await aReminder(dayBefore);
    await anOpportunity(30);
    await anOpportunity(20);
    await look(rule.id);
    expect(await runsOf(rule.id)).toEqual([]);
  });

  it('goes by the new date when the date is moved', async () => {
    const rule = await aReminder(dayBefore);
    const id = await anOpportunity(30);
    await look(rule.id);
    const given = { name: 'Implante', value: '100', currency: 'ARS', sellerId: null, stage: 'open' as const };
    await change(
      sql.unsafe`UPDATE automation_rules SET looked_at = now() - interval '30 minutes' WHERE id = ${rule.id}`,
    );
    const opportunities = createOpportunities(db.database);
    await opportunities.change(tenantId, id, { ...given, expectedAt: await localTime(23.8) }, system('test'));
    await look(rule.id);
    expect(await runsOf(rule.id)).toHaveLength(1);
    expect((await opportunities.maybeById(tenantId, id))?.expected_local).toBe(await localTime(23.8));
  });

  it('forgets an opportunity that is lost, and a date that was taken away', async () => {
    const rule = await aReminder(dayBefore);
    const [lost, without] = [await anOpportunity(23.8), await anOpportunity(23.7)];
    const given = { name: 'Implante', value: '100', currency: 'ARS', sellerId: null };
    const opportunities = createOpportunities(db.database);
    await opportunities.change(
      tenantId,
      lost,
      { ...given, stage: 'lost', expectedAt: await localTime(23.8) },
      system('test'),
    );
    await opportunities.change(tenantId, without, { ...given, stage: 'open', expectedAt: null }, system('test'));
    await look(rule.id);
    expect(await runsOf(rule.id)).toEqual([]);
  });

  it('comes after a date too: of an opportunity, or of the lead’s arrival', async () => {
    const [after, arrived] = [
      await aReminder({ date: 'expected', side: 'after', hours: 48 }),
      await aReminder({ date: 'arrived', side: 'after', hours: 72 }),
    ];
    await anOpportunity(-48.2);
    await change(
      sql.unsafe`UPDATE leads SET submitted_at = now() - interval '72 hours 10 minutes' WHERE tenant_id = ${tenantId}`,
    );
    await look(after.id);
    await look(arrived.id);
    expect([(await runsOf(after.id)).length, (await runsOf(arrived.id)).length]).toEqual([1, 1]);
  });

  it('starts nothing while it is paused, nor afterwards what fell due meanwhile', async () => {
    const rule = await aReminder(dayBefore);
    await anOpportunity(23.8);
    const rules = createRules(db.database);
    await rules.pause(tenantId, rule.id, system('test'));
    await look(rule.id);
    await rules.activate(tenantId, rule.id, system('test'));
    await look(rule.id);
    expect(await runsOf(rule.id)).toEqual([]);
  });

  it('keeps to the campaign it is for', async () => {
    const rule = await aReminder(dayBefore, ['23847']);
    await anOpportunity(23.8);
    await look(rule.id);
    expect(await runsOf(rule.id)).toEqual([]);
  });

  it.each(['es', 'en'] as const)(
    'says the date it is about, in the language and zone of the company: %s',
    async (locale) => {
      await change(sql.unsafe`UPDATE tenants SET locale = ${locale} WHERE id = ${tenantId}`);
      const rule = await aReminder(dayBefore, undefined, 'expected_at');
      await anOpportunity(5);
      await anOpportunity(23.8);
      const words = await inWords(23.8, locale);
      await look(rule.id);
      const [run] = await runsOf(rule.id);
      expect(await saidBy(run?.id ?? '')).toBe(words);
    },
  );

  it('says the next date where its own was moved meanwhile, and nothing where none is left', async () => {
    const rule = await aReminder(dayBefore, undefined, 'expected_at');
    const id = await anOpportunity(23.8);
    await look(rule.id);
    const [run] = await runsOf(rule.id);
    const given = { name: 'Implante', value: '100', currency: 'ARS', sellerId: null, stage: 'open' as const };
    const moveTo = (expectedAt: string | null) =>
      createOpportunities(db.database).change(tenantId, id, { ...given, expectedAt }, system('test'));
    await moveTo(null);
    const other = await aRun(db.database, tenantId);
    await change(sql.unsafe`UPDATE automation_runs SET rule_id = ${rule.id} WHERE id = ${other.runId}`);
    expect(await saidBy(other.runId)).toBe('variable_missing');
    await moveTo(await localTime(50));
    const words = await inWords(50, 'es');
    expect(await saidBy(run?.id ?? '')).toBe(words);
  });

  it('is due work once a minute', async () => {
    const rule = await aReminder(dayBefore);
    const isDue = async () =>
      (await createInbox(db.database).dueWork()).some(
        ({ work, object_id }) => work === 'reminders' && object_id === rule.id,
      );
    expect(await isDue()).toBe(true);
    await look(rule.id);
    expect(await isDue()).toBe(false);
  });

  it('can be tried on the dates of the last 30 days', async () => {
    await anOpportunity(-24);
    await anOpportunity(-24 * 40);
    await anOpportunity(48);
    const trial = { trigger: 'reminder' as const, conditions: { remind: dayBefore } };
    expect(await createRuleTrials(db.database).candidates(tenantId, trial)).toMatchObject([
      { leadId: person.leadId, expectedAt: await inWords(-24, 'es') },
    ]);
    const welcome = { trigger: 'new_lead' as const, conditions: {} };
    expect(await createRuleTrials(db.database).candidates(tenantId, welcome)).toMatchObject([
      { leadId: person.leadId, expectedAt: await inWords(48, 'es') },
    ]);
  });
});
