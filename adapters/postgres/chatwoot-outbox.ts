import { sql } from 'slonik';
import { z } from 'zod';
import type { Vault } from '../../domain/vault.ts';
import type { Database } from './pool.ts';

const copyRow = z
  .object({
    chat_message_id: z.string(),
    attempts: z.number(),
    lead_id: z.string(),
    full_name: z.string().nullable(),
    phone: z.string().nullable(),
    direction: z.enum(['in', 'out']),
    author: z.enum(['automation', 'human', 'contact']),
    body: z.string().nullable(),
    kind: z.string(),
    send_state: z.string().nullable(),
    sender_phone: z.string().nullable(),
    conversation_id: z.string().nullable(),
  })
  .transform((row) => ({
    chatMessageId: row.chat_message_id,
    /** This one included. */
    attempts: row.attempts,
    leadId: row.lead_id,
    fullName: row.full_name,
    phone: row.phone,
    direction: row.direction,
    author: row.author,
    body: row.body,
    kind: row.kind,
    /** Of an outbound message: how its sending stands. */
    sendState: row.send_state,
    senderPhone: row.sender_phone,
    conversationId: row.conversation_id,
  }));
/** A message to be copied. Holds personal data: never into a log. */
export type ChatwootCopy = z.output<typeof copyRow>;

const accountRow = z.object({
  secret: z.string(),
  settings: z.object({ url: z.string(), accountId: z.string() }),
});
const secretRow = z.object({ secret: z.string() });
const leadRow = z.object({ lead_id: z.string() });
const stateRow = z.object({ state: z.string() });

const LEASE_S = 60;
const MOST_ATTEMPTS = 12;

export type ChatwootOutbox = ReturnType<typeof createChatwootOutbox>;

/** What waits to be copied into a tenant's Chatwoot, and which conversation there is whose. */
export function createChatwootOutbox({ inTenant, vault }: Pick<Database, 'inTenant'> & { vault: Vault }) {
  return {
    /** Takes a due copy for a minute; null when another process has it, or it is done. */
    take: (tenantId: number, id: string): Promise<ChatwootCopy | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(copyRow)`
          WITH taken AS (
            UPDATE chatwoot_outbox SET attempts = attempts + 1, next_attempt_at = now() + ${LEASE_S} * interval '1 second'
            WHERE tenant_id = ${tenantId} AND id = ${id} AND state = 'pending' AND next_attempt_at <= now()
            RETURNING chat_message_id, attempts)
          SELECT t.chat_message_id, t.attempts, c.lead_id, l.full_name, coalesce(c.phone, l.phone) AS phone, c.direction, c.author, c.body, c.kind,
            m.state AS send_state, m.sender_phone, w.conversation_id
          FROM taken t JOIN chat_messages c ON c.tenant_id = ${tenantId} AND c.id = t.chat_message_id
          JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
          LEFT JOIN outbound_messages m ON m.tenant_id = c.tenant_id AND m.id = c.outbound_message_id
          LEFT JOIN chatwoot_conversations w ON w.tenant_id = c.tenant_id AND w.lead_id = c.lead_id`),
      ),
    finish: (tenantId: number, id: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE chatwoot_outbox SET state = 'done', error = NULL WHERE tenant_id = ${tenantId} AND id = ${id}`);
      }),
    /** Looks again in `ms`; a try that was none does not count. */
    postpone: (tenantId: number, id: string, ms: number): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE chatwoot_outbox SET attempts = attempts - 1, next_attempt_at = now() + ${ms} * interval '1 millisecond'
          WHERE tenant_id = ${tenantId} AND id = ${id}`);
      }),
    /** Doubling pauses up to an hour; after twelve tries, most of a day, it is given up. Returns the state. */
    fail: (tenantId: number, id: string, error: string): Promise<string> =>
      inTenant(tenantId, (tx) =>
        tx.oneFirst(sql.type(stateRow)`
          UPDATE chatwoot_outbox SET error = ${error}, state = CASE WHEN attempts >= ${MOST_ATTEMPTS} THEN 'failed' ELSE 'pending' END,
            next_attempt_at = now() + least(interval '1 hour', interval '5 seconds' * power(2, attempts))
          WHERE tenant_id = ${tenantId} AND id = ${id} RETURNING state`),
      ),
    saveConversation: (tenantId: number, leadId: string, conversationId: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO chatwoot_conversations (tenant_id, lead_id, conversation_id) VALUES (${tenantId}, ${leadId}, ${conversationId})
          ON CONFLICT (tenant_id, lead_id) DO UPDATE SET conversation_id = excluded.conversation_id`);
      }),
    /** The conversation is gone over there. */
    forgetConversation: (tenantId: number, leadId: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`DELETE FROM chatwoot_conversations WHERE tenant_id = ${tenantId} AND lead_id = ${leadId}`,
        );
      }),
    maybeLeadOf: (tenantId: number, conversationId: string): Promise<string | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOneFirst(sql.type(leadRow)`
          SELECT lead_id FROM chatwoot_conversations WHERE tenant_id = ${tenantId} AND conversation_id = ${conversationId}`),
      ),
    /** The tenant's Chatwoot with its token in the clear, for one call's length; null when it has none. */
    maybeAccount: (tenantId: number) =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(accountRow)`
          SELECT secret, settings FROM credentials WHERE tenant_id = ${tenantId} AND provider = 'chatwoot' AND category = 'api_key'`);
        return row === null ? null : { ...row.settings, token: vault.open(row.secret) };
      }),
    /** Secrets that its webhooks may be signed with, the newest first. */
    webhookSecrets: (tenantId: number): Promise<string[]> =>
      inTenant(tenantId, async (tx) => {
        const rows = await tx.any(sql.type(secretRow)`
          SELECT secret FROM credentials WHERE tenant_id = ${tenantId} AND provider = 'chatwoot' AND category LIKE 'webhook_secret%' ORDER BY category`);
        return rows.map(({ secret }) => vault.open(secret));
      }),
  };
}
