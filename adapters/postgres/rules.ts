import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { actionOf } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import { DROP_ALL, type Resumption } from '../../domain/held-runs.ts';
import { heldRuns, letGo } from './held-runs.ts';
import type { Database, Tx } from './pool.ts';
import { type NewRule, type Rule, ruleColumns, ruleRow } from './rule-shapes.ts';
import type { Released } from './sending.ts';
import { audited } from './system-events.ts';

export { type NewRule, type Rule, ruleBody } from './rule-shapes.ts';

const overviewRow = ruleRow.extend({ sent: z.number(), replied: z.number(), running: z.number() });
export type RuleOverview = z.output<typeof overviewRow>;

/** What happens to what runs already when its rule is edited. */
export type Running = 'finish' | 'stop';

/** Automation rules: what happens when a lead arrives, changes, writes or stays silent. */
export function createRules({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    activeForNewLead: (tenantId: number): Promise<readonly Rule[]> =>
      inTenant(tenantId, (tx) => activeRules(tx, tenantId, 'new_lead')),

    listForTenant: (tenantId: number): Promise<readonly Rule[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(
          sql.type(
            ruleRow,
          )`SELECT ${ruleColumns} FROM automation_rules u WHERE u.tenant_id = ${tenantId} ORDER BY u.created_at LIMIT 500`,
        ),
      ),

    /** For the page: each rule with what it did in 30 days. */
    overview: (tenantId: number): Promise<readonly RuleOverview[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(overviewRow)`
          SELECT ${ruleColumns},
            (SELECT count(*) FROM outbound_messages m WHERE m.tenant_id = u.tenant_id AND m.rule_id = u.id AND m.created_at > now() - interval '30 days'
              AND m.state NOT IN ('claimed', 'cancelled', 'rejected')) AS sent,
            (SELECT count(*) FROM automation_runs r WHERE r.tenant_id = u.tenant_id AND r.rule_id = u.id AND r.created_at > now() - interval '30 days' AND r.reason = 'replied') AS replied,
            (SELECT count(*) FROM automation_runs r WHERE r.tenant_id = u.tenant_id AND r.rule_id = u.id AND r.state = 'active') AS running
          FROM automation_rules u WHERE u.tenant_id = ${tenantId} ORDER BY u.is_active DESC, u.created_at LIMIT 200`),
      ),

    /** With what its pause held back. @throws {AppError} `not_found` */
    byId: (tenantId: number, ruleId: string) =>
      inTenant(tenantId, async (tx) => {
        const rule = await tx.maybeOne(
          sql.type(
            ruleRow,
          )`SELECT ${ruleColumns} FROM automation_rules u WHERE u.tenant_id = ${tenantId} AND u.id = ${ruleId}`,
        );
        if (!rule) throw new AppError('not_found', 'no such rule');
        const held = rule.is_active ? null : await heldRuns(tx, tenantId, { by: 'rule_paused', ruleId });
        return { rule, held };
      }),

    create: (tenantId: number, rule: NewRule, actor: Actor): Promise<Rule> =>
      inTenant(tenantId, async (tx) => {
        const { type, config } = actionOf(rule.steps);
        const made = await tx.one(sql.type(ruleRow)`
          INSERT INTO automation_rules AS u (tenant_id, name, trigger_type, trigger_conditions, action_type, action_config, daily_cap, is_active)
          VALUES (${tenantId}, ${rule.name}, ${rule.trigger}, ${sql.jsonb(rule.conditions as never)}, ${type}, ${sql.jsonb(config as never)}, ${rule.dailyCap},
            ${rule.isActive ?? true})
          RETURNING ${ruleColumns}`);
        await noted(tx, tenantId, 'automation_rule.created', made.id, actor);
        return made;
      }),

    /**
     * A new version; the old one is kept for its runs, which finish as they began or stop now.
     * @throws {AppError} `not_found`; `conflict` when somebody saved it since `version`
     */
    edit: (
      tenantId: number,
      { ruleId, version, running }: { ruleId: string; version: number; running: Running },
      rule: NewRule,
      actor: Actor,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await lockVersion(tx, tenantId, ruleId, version);
        await tx.query(sql.unsafe`
          INSERT INTO automation_rule_versions (tenant_id, rule_id, version, trigger_type, trigger_conditions, action_type, action_config)
          SELECT tenant_id, id, version, trigger_type, trigger_conditions, action_type, action_config FROM automation_rules WHERE tenant_id = ${tenantId} AND id = ${ruleId}`);
        const { type, config } = actionOf(rule.steps);
        await tx.query(sql.unsafe`
          UPDATE automation_rules SET name = ${rule.name}, trigger_type = ${rule.trigger}, trigger_conditions = ${sql.jsonb(rule.conditions as never)}, action_type = ${type},
            action_config = ${sql.jsonb(config as never)}, daily_cap = ${rule.dailyCap}, version = version + 1, looked_at = now(), updated_at = now()
          WHERE tenant_id = ${tenantId} AND id = ${ruleId}`);
        const stopped = running === 'stop' ? await stopRuns(tx, tenantId, ruleId) : 0;
        await noted(tx, tenantId, 'automation_rule.edited', ruleId, actor, { version: version + 1, stopped });
      }),

    /** No run starts and what falls due waits. */
    pause: (tenantId: number, ruleId: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE automation_rules SET is_active = false, stopped_reason = NULL, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${ruleId} AND is_active`);
        if (rowCount > 0) await noted(tx, tenantId, 'automation_rule.paused', ruleId, actor);
      }),

    /** Goes on, and in the same transaction does with what waited what was decided: by default it is dropped. */
    activate: (tenantId: number, ruleId: string, actor: Actor, resumption: Resumption = DROP_ALL): Promise<Released> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          UPDATE automation_rules SET is_active = true, stopped_reason = NULL, looked_at = now(), updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${ruleId} AND NOT is_active`);
        if (rowCount === 0) return { counts: { drop: 0, send: 0, space: 0 }, workflowIds: [] };
        const released = await letGo(tx, tenantId, { by: 'rule_paused', ruleId }, resumption);
        await noted(tx, tenantId, 'automation_rule.activated', ruleId, actor, released.counts);
        return released;
      }),
  };
}
export type Rules = ReturnType<typeof createRules>;

export const activeRules = (tx: Tx, tenantId: number, trigger: NewRule['trigger']): Promise<readonly Rule[]> =>
  tx.any(sql.type(ruleRow)`
    SELECT ${ruleColumns} FROM automation_rules u WHERE u.tenant_id = ${tenantId} AND u.trigger_type = ${trigger} AND u.is_active ORDER BY u.created_at LIMIT 100`);

async function lockVersion(tx: Tx, tenantId: number, ruleId: string, version: number): Promise<void> {
  const found = await tx.maybeOneFirst(sql.type(z.object({ version: z.number() }))`
    SELECT version FROM automation_rules WHERE tenant_id = ${tenantId} AND id = ${ruleId} FOR UPDATE`);
  if (found === null) throw new AppError('not_found', 'no such rule');
  if (found !== version) throw new AppError('conflict', 'the rule was edited meanwhile');
}

/** What is certainly not sent of its runs never will be; what is on its way is left. */
async function stopRuns(tx: Tx, tenantId: number, ruleId: string): Promise<number> {
  await tx.query(sql.unsafe`
    UPDATE outbound_messages SET state = 'cancelled', error_code = 'rule_edited', ended_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND rule_id = ${ruleId} AND state = 'claimed' AND origin = 'rule'`);
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE automation_runs SET state = 'stopped', reason = 'rule_edited', held_since = NULL, updated_at = now()
    WHERE tenant_id = ${tenantId} AND rule_id = ${ruleId} AND state = 'active'`);
  return rowCount;
}

const noted = (
  tx: Tx,
  tenantId: number,
  name: string,
  ruleId: string,
  actor: Actor,
  details: Readonly<Record<string, number>> = {},
): Promise<void> => audited(tx, { tenantId, name, actor, object: { type: 'automation_rule', id: ruleId }, details });
