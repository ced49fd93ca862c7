import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { isMessage, stepsOf } from '../../domain/automation.ts';
import { stopReason } from '../../domain/template.ts';
import type { Database, Tx } from './pool.ts';
import { ruleColumns, ruleRow } from './rule-shapes.ts';
import { audited } from './system-events.ts';

export interface TemplateCopy {
  wabaId: string;
  name: string;
  language: string;
  category: string;
  status: string;
  quality: string | null;
  metaTemplateId: string | null;
  /** Meta's own words for a rejection. */
  reason?: string | null | undefined;
  components: readonly Record<string, unknown>[];
}

const templateRow = z.object({
  id: z.string(),
  meta_template_id: z.string(),
  name: z.string(),
  category: z.string(),
  language: z.string(),
  status: z.string().nullable(),
  quality: z.string().nullable(),
  components: z.array(z.record(z.string(), z.unknown())),
});
const overviewRow = templateRow.extend({
  reason: z.string().nullable(),
  synced_at: z.date(),
  sent: z.number(),
  delivered: z.number(),
  replied: z.number(),
  rules: z.number(),
});
export type TemplateOverview = z.output<typeof overviewRow>;
const sendRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  full_name: z.string().nullable(),
  template_name: z.string(),
  rule_name: z.string().nullable(),
  person: z.string().nullable(),
  state: z.string(),
  error_code: z.string().nullable(),
  at: z.date(),
});
const beforeRow = z.object({
  name: z.string(),
  language: z.string(),
  status: z.string().nullable(),
  category: z.string(),
  components: z.array(z.record(z.string(), z.unknown())),
});

/** Copies of the WhatsApp templates, as YCloud last showed them. */
export function createTemplates({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    listForTenant: (tenantId: number, status?: string) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(templateRow)`
          SELECT id, meta_template_id, name, category, language, status, quality, components FROM meta_templates
          WHERE tenant_id = ${tenantId} AND ${status === undefined ? sql.fragment`true` : sql.fragment`status = ${status}`} ORDER BY name, language LIMIT 1000`),
      ),

    /** For the page: each template with its 30 days, and the latest messages. */
    overview: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        templates: await tx.any(sql.type(overviewRow)`
          SELECT t.id, t.meta_template_id, t.name, t.category, t.language, t.status, t.quality, t.components, t.reason, t.synced_at,
            coalesce(s.sent, 0) AS sent, coalesce(s.delivered, 0) AS delivered, coalesce(s.replied, 0) AS replied,
            (SELECT count(*) FROM automation_rules u WHERE u.tenant_id = t.tenant_id AND u.is_active
              AND (u.action_config ->> 'templateName' = t.name OR u.action_config -> 'steps' @> jsonb_build_array(jsonb_build_object('templateName', t.name)))) AS rules
          FROM meta_templates t
          LEFT JOIN (SELECT m.template_name, m.template_language, count(*) AS sent, count(*) FILTER (WHERE m.state IN ('delivered', 'read')) AS delivered,
              count(*) FILTER (WHERE EXISTS (SELECT FROM chat_messages c WHERE c.tenant_id = m.tenant_id AND c.phone = m.phone AND c.direction = 'in'
                AND c.sent_at BETWEEN m.created_at AND m.created_at + interval '7 days')) AS replied
            FROM outbound_messages m WHERE m.tenant_id = ${tenantId} AND m.created_at > now() - interval '30 days' AND m.state NOT IN ('claimed', 'cancelled', 'rejected')
            GROUP BY m.template_name, m.template_language) s ON s.template_name = t.name AND s.template_language = t.language
          WHERE t.tenant_id = ${tenantId} AND t.status IS DISTINCT FROM 'DELETED' ORDER BY (t.status = 'REJECTED') DESC, t.name, t.language LIMIT 500`),
        sends: await tx.any(sql.type(sendRow)`
          SELECT m.id, m.lead_id, l.full_name, m.template_name, u.name AS rule_name, p.name AS person, m.state, m.error_code, coalesce(m.sending_at, m.created_at) AS at
          FROM outbound_messages m JOIN leads l ON l.tenant_id = m.tenant_id AND l.id = m.lead_id
          LEFT JOIN automation_rules u ON u.tenant_id = m.tenant_id AND u.id = m.rule_id
          LEFT JOIN users p ON p.tenant_id = m.tenant_id AND p.id = m.user_id
          WHERE m.tenant_id = ${tenantId} AND m.template_name IS NOT NULL ORDER BY m.created_at DESC LIMIT 20`),
      })),

    /** Some templates as they are now. */
    saveCopies: (tenantId: number, copies: readonly TemplateCopy[], actor: Actor): Promise<void> =>
      inTenant(tenantId, (tx) => save(tx, tenantId, copies, actor)),

    /** All templates of an account as they are now: what is not among them is gone. Rules whose template can no longer be sent as they say stop, with the reason. */
    saveWhole: (tenantId: number, wabaId: string, copies: readonly TemplateCopy[], actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const before = await tx.any(sql.type(beforeRow)`
          SELECT name, language, status, category, components FROM meta_templates WHERE tenant_id = ${tenantId} AND waba_id = ${wabaId} FOR UPDATE`);
        await save(tx, tenantId, copies, actor);
        const now = new Map(copies.map((copy) => [`${copy.name}|${copy.language}`, copy]));
        for (const old of before) {
          const copy = now.get(`${old.name}|${old.language}`);
          const reason =
            copy === undefined ? (old.status === 'DELETED' ? null : 'template_gone') : stopReason(old, copy);
          if (copy === undefined) await markGone(tx, tenantId, wabaId, old);
          if (reason !== null) await stopRules(tx, tenantId, wabaId, old, reason);
        }
        await tx.query(
          sql.unsafe`UPDATE whatsapp_senders SET templates_asked_at = now() WHERE tenant_id = ${tenantId} AND waba_id = ${wabaId}`,
        );
      }),

    /** Before they are asked for: one that does not answer is asked again in six hours, not at once. */
    asked: (tenantId: number): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`UPDATE whatsapp_senders SET templates_asked_at = now() WHERE tenant_id = ${tenantId}`,
        );
      }),

    /** Notes who sent a template to review. */
    noteCreated: (tenantId: number, name: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, (tx) =>
        audited(tx, { tenantId, name: 'template.created', actor, object: { type: 'template', id: name } }),
      ),
  };
}
export type Templates = ReturnType<typeof createTemplates>;

/** One multi-row upsert; a template not yet known to Meta has an id of its own. */
async function save(tx: Tx, tenantId: number, copies: readonly TemplateCopy[], actor: Actor): Promise<void> {
  if (copies.length === 0) return;
  const rows = copies.map((copy) => [
    tenantId,
    copy.metaTemplateId ?? `ycloud:${copy.wabaId}:${copy.name}:${copy.language}`,
    copy.wabaId,
    copy.name,
    copy.language,
    copy.category,
    copy.status,
    copy.quality,
    copy.reason ?? null,
    JSON.stringify(copy.components),
  ]);
  await tx.query(sql.unsafe`
    INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, language, category, status, quality, reason, components)
    SELECT * FROM ${sql.unnest(rows, ['int4', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'jsonb'])}
    ON CONFLICT (tenant_id, waba_id, name, language) DO UPDATE SET meta_template_id = excluded.meta_template_id, category = excluded.category,
      status = excluded.status, quality = excluded.quality, reason = excluded.reason, components = excluded.components, synced_at = now(), updated_at = now()`);
  await audited(tx, { tenantId, name: 'templates.copied', actor, details: { count: copies.length } });
}

const markGone = (tx: Tx, tenantId: number, wabaId: string, { name, language }: z.output<typeof beforeRow>) =>
  tx.query(sql.unsafe`
    UPDATE meta_templates SET status = 'DELETED', synced_at = now(), updated_at = now()
    WHERE tenant_id = ${tenantId} AND waba_id = ${wabaId} AND name = ${name} AND language = ${language} AND status IS DISTINCT FROM 'DELETED'`);

/** The active rules that send this template from the number in use. What is due of them waits, as with any pause. */
async function stopRules(
  tx: Tx,
  tenantId: number,
  wabaId: string,
  template: z.output<typeof beforeRow>,
  reason: string,
): Promise<void> {
  const rules = await tx.any(sql.type(ruleRow)`
    SELECT ${ruleColumns} FROM automation_rules u WHERE u.tenant_id = ${tenantId} AND u.is_active
      AND EXISTS (SELECT FROM whatsapp_senders s WHERE s.tenant_id = ${tenantId} AND s.is_default AND s.waba_id = ${wabaId}) LIMIT 500`);
  const sending = rules.filter((rule) =>
    stepsOf(rule.action_config).some(
      (step) => isMessage(step) && step.templateName === template.name && step.language === template.language,
    ),
  );
  for (const { id } of sending) {
    await tx.query(sql.unsafe`
      UPDATE automation_rules SET is_active = false, stopped_reason = ${reason}, updated_at = now() WHERE tenant_id = ${tenantId} AND id = ${id}`);
    await audited(tx, {
      tenantId,
      name: 'automation_rule.stopped',
      actor: system('template-sync'),
      object: { type: 'automation_rule', id },
      details: { reason },
    });
  }
}
