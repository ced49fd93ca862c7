import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { render } from '../../domain/automation.ts';
import { AppError } from '../../domain/error.ts';
import { partsOf, placeholdersIn, templateProblem } from '../../domain/template.ts';
import { sendableSender } from './dispatch-checks.ts';
import { readTemplate } from './dispatch-situations.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const templateRow = z.object({ name: z.string(), language: z.string() });
const sentRow = z.object({
  id: z.string(),
  lead_id: z.string(),
  template_name: z.string(),
  phone: z.string(),
  state: z.string(),
  error_code: z.string().nullable(),
  at: z.date(),
});
export type TestMessage = z.output<typeof sentRow>;
const idRow = z.object({ id: z.string() });

export interface NewTest {
  /** The form's own: the same form sent twice is one message. */
  key: string;
  /** E.164. */
  phone: string;
  template: string;
  language: string;
}

type Ready =
  | { isReady: true; from: string; parameters: readonly string[]; body: string; category: string }
  | { isReady: false; reason: string };

/** Templates that somebody of the team sends to a phone of theirs (written by a person, like a reply, and with a template), to see what a person would get. They leave through the same protocol as everything else. */
export function createTestMessages({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** What can be sent, and what became of the last few. */
    overview: (tenantId: number) =>
      inTenant(tenantId, async (tx) => ({
        templates: await tx.any(sql.type(templateRow)`
          SELECT m.name, m.language FROM meta_templates m
          WHERE m.tenant_id = ${tenantId} AND m.status = 'APPROVED'
            AND m.waba_id = (SELECT s.waba_id FROM whatsapp_senders s WHERE s.tenant_id = ${tenantId} AND s.is_default)
          ORDER BY m.name, m.language LIMIT 200`),
        sent: await tx.any(sql.type(sentRow)`
          SELECT id, lead_id, template_name, phone, state, error_code, updated_at AS at FROM outbound_messages
          WHERE tenant_id = ${tenantId} AND origin = 'reply' AND template_name IS NOT NULL AND created_at > now() - interval '7 days' ORDER BY created_at DESC, id LIMIT 5`),
      })),

    /**
     * The message as a row in state `claimed` with both mirrors; null for a form that was sent before. Whoever has the phone gets it in their conversation;
     * a phone nobody has becomes a test lead, which no figure counts.
     * @throws {AppError} `conflict` with `details.why`, a reason of `rules:reason`
     */
    write: (tenantId: number, test: NewTest, actor: Actor): Promise<string | null> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(${tenantId}, hashtext(${test.phone}))`);
        const ready = await readyTest(tx, tenantId, { ...test, userId: personIn(actor) });
        if (!ready.isReady) throw new AppError('conflict', 'no test can leave', { details: { why: ready.reason } });
        const leadId = await leadOf(tx, tenantId, test.phone, actor);
        const messageId = await tx.maybeOneFirst(sql.type(idRow)`
          INSERT INTO outbound_messages (tenant_id, lead_id, occurrence, external_id, sender_phone, phone, template_name, template_language, template_category, state, origin, user_id, due_at)
          VALUES (${tenantId}, ${leadId}, ${`test:${test.key}`}, ${randomUUID()}, ${ready.from}, ${test.phone}, ${test.template}, ${test.language}, ${ready.category},
            'claimed', 'reply', ${personIn(actor)}::uuid, now() + interval '10 seconds')
          ON CONFLICT ON CONSTRAINT outbound_messages_once DO NOTHING RETURNING id`);
        if (messageId === null) return null;
        await tx.query(sql.unsafe`
          INSERT INTO chat_messages (tenant_id, lead_id, phone, direction, author, user_id, outbound_message_id, kind, body)
          VALUES (${tenantId}, ${leadId}, ${test.phone}, 'out', 'human', ${personIn(actor)}::uuid, ${messageId}, 'template', ${ready.body})`);
        await tx.query(sql.unsafe`
          INSERT INTO automation_logs (tenant_id, lead_id, outbound_message_id, trigger_type, status) VALUES (${tenantId}, ${leadId}, ${messageId}, 'test', 'claimed')`);
        await audited(tx, {
          tenantId,
          name: 'message.test_asked',
          actor,
          object: { type: 'lead', id: leadId },
          details: { messageId },
        });
        return messageId;
      }),
  };
}
export type TestMessages = ReturnType<typeof createTestMessages>;

/** All that keeps any message back, except for what spares people: they asked themselves. Read under the person's lock. */
export async function readyTest(
  tx: Tx,
  tenantId: number,
  { phone, template: name, language, userId }: Omit<NewTest, 'key'> & { userId: string | null },
): Promise<Ready> {
  const no = (reason: string): Ready => ({ isReady: false, reason });
  const { suppressed, sending_on, user_name } = await tx.one(sql.type(
    z.object({ suppressed: z.boolean(), sending_on: z.boolean(), user_name: z.string().nullable() }),
  )`
    SELECT EXISTS (SELECT FROM suppressions s WHERE s.tenant_id = ${tenantId} AND s.phone = ${phone} AND s.lifted_at IS NULL) AS suppressed,
      t.sending = 'on' AND (SELECT i.sending = 'on' FROM installation_state i) AS sending_on,
      (SELECT u.name FROM users u WHERE u.tenant_id = t.id AND u.id = ${userId}::uuid) AS user_name
    FROM tenants t WHERE t.id = ${tenantId}`);
  if (suppressed) return no('opted_out');
  if (!sending_on) return no('sending_paused');
  const sender = await sendableSender(tx, tenantId);
  if (typeof sender === 'string') return no(sender);
  const template = await readTemplate(tx, tenantId, sender.waba_id, { templateName: name, language });
  const text = partsOf(template?.components ?? []).body;
  const variables = placeholdersIn(text);
  const problem = templateProblem(template, variables);
  if (problem !== null || template === null) return no(problem ?? 'template_missing');
  const parameters = Array.from({ length: variables }, () => user_name?.trim() || 'WhatsApp');
  return { isReady: true, from: sender.phone, parameters, body: render(text, parameters), category: template.category };
}

async function leadOf(tx: Tx, tenantId: number, phone: string, actor: Actor): Promise<string> {
  const known = await tx.maybeOneFirst(sql.type(idRow)`
    SELECT id FROM leads WHERE tenant_id = ${tenantId} AND phone = ${phone} AND merged_into IS NULL ORDER BY created_at DESC LIMIT 1`);
  if (known !== null) return known;
  return tx.oneFirst(sql.type(idRow)`
    INSERT INTO leads (tenant_id, source, full_name, phone, is_test)
    VALUES (${tenantId}, 'manual', (SELECT u.name FROM users u WHERE u.tenant_id = ${tenantId} AND u.id = ${personIn(actor)}::uuid), ${phone}, true) RETURNING id`);
}

const personIn = (actor: Actor): string | null => (actor.type === 'user' ? actor.id : null);
