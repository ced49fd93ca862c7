import { type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import { matches, offsetMinutes, type Reminder } from '../../domain/automation.ts';
import type { Database, Tx } from './pool.ts';
import { ruleColumns, ruleRow } from './rule-shapes.ts';
import { startRun } from './rule-triggers.ts';

const lookedRow = ruleRow.extend({ looked_at: z.date(), now: z.date() });
const momentRow = z.object({
  lead_id: z.string(),
  date_at: z.date(),
  due_at: z.date(),
  form_id: z.string().nullable(),
  campaign_id: z.string().nullable(),
});
const AT_ONCE = 500;

/** Rules that go by a date: what became due since they were last looked at starts its runs. */
export function createReminderRules({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /**
     * Safe to repeat: the date itself is what "never twice" is counted by, so a date that was moved is another. What fell due before the rule was made,
     * edited or activated never starts.
     */
    startDue: (tenantId: number, ruleId: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const rule = await tx.maybeOne(sql.type(lookedRow)`
          SELECT ${ruleColumns}, u.looked_at, now() AS now FROM automation_rules u
          WHERE u.tenant_id = ${tenantId} AND u.id = ${ruleId} AND u.is_active AND u.trigger_type = 'reminder' FOR UPDATE`);
        if (!rule) return;
        const due = await momentsBetween(tx, tenantId, rule.trigger_conditions.remind, rule.looked_at, rule.now);
        for (const { lead_id: leadId, date_at, form_id: formId, campaign_id: campaignId } of due)
          if (matches(rule.trigger_conditions, { formId, campaignId }))
            await startRun(tx, tenantId, rule, {
              trigger: 'reminder',
              leadId,
              occurrence: dateOccurrence(date_at),
            });
        // One that did not fit is looked at again with the next: its run exists.
        const until = due.length < AT_ONCE ? rule.now : (due.at(-1)?.due_at ?? rule.now);
        await tx.query(sql.unsafe`
          UPDATE automation_rules SET looked_at = ${until.toISOString()}::timestamptz WHERE tenant_id = ${tenantId} AND id = ${ruleId}`);
      }),
  };
}
export type ReminderRules = ReturnType<typeof createReminderRules>;

const DATE = 'date:';
const dateOccurrence = (at: Date): string => `${DATE}${at.toISOString()}`;
/** The date that a reminder's run is about, ISO 8601; null for every other run. */
export const dateOf = (occurrence: string): string | null =>
  occurrence.startsWith(DATE) ? occurrence.slice(DATE.length) : null;

const momentsBetween = (tx: Tx, tenantId: number, remind: Reminder | undefined, from: Date, to: Date) =>
  tx.any(sql.type(momentRow)`
    SELECT d.lead_id, d.date_at, d.due_at, l.form_id,
      (SELECT x.meta_campaign_id FROM lead_touches x WHERE x.tenant_id = l.tenant_id AND x.lead_id = l.id ORDER BY x.touched_at DESC LIMIT 1) AS campaign_id
    FROM (${reminderMoments(tenantId, remind)}) d JOIN leads l ON l.tenant_id = ${tenantId} AND l.id = d.lead_id AND l.merged_into IS NULL AND l.erased_at IS NULL
    WHERE d.due_at >= ${from.toISOString()}::timestamptz AND d.due_at < ${to.toISOString()}::timestamptz ORDER BY d.due_at LIMIT ${AT_ONCE}`);

/** What the date of a lead's opportunities is: the one that `about` names while it stands, else the next one, else the last. Lost ones have none. */
export const expectedAt = (tenantId: number, leadId: FragmentSqlToken, about: FragmentSqlToken) => sql.fragment`
  (SELECT o.expected_at FROM opportunities o WHERE o.tenant_id = ${tenantId} AND o.lead_id = ${leadId} AND o.expected_at IS NOT NULL AND o.stage <> 'lost'
    ORDER BY o.expected_at IS NOT DISTINCT FROM ${about} DESC, o.expected_at >= now() DESC, abs(extract(epoch FROM o.expected_at - now())) LIMIT 1)`;

/** Each date of a lead that the rule goes by, and when it is due. An opportunity that is lost reminds nobody. */
export function reminderMoments(tenantId: number, remind: Reminder | undefined) {
  const { date, side, hours } = remind ?? { date: 'expected', side: 'before', hours: 0 };
  const offset = sql.fragment`${offsetMinutes({ date, side, hours })} * interval '1 minute'`;
  return date === 'arrived'
    ? sql.fragment`
        SELECT a.id AS lead_id, coalesce(a.submitted_at, a.created_at) AS date_at, coalesce(a.submitted_at, a.created_at) + ${offset} AS due_at
        FROM leads a WHERE a.tenant_id = ${tenantId} AND a.merged_into IS NULL`
    : sql.fragment`
        SELECT o.lead_id, o.expected_at AS date_at, o.expected_at + ${offset} AS due_at
        FROM opportunities o WHERE o.tenant_id = ${tenantId} AND o.expected_at IS NOT NULL AND o.stage <> 'lost'`;
}
