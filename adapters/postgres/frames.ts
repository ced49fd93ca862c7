import { sql } from 'slonik';
import { z } from 'zod';
import { asTenant, type Database } from './pool.ts';

const signedInRow = z.object({
  tenant_id: z.number(),
  user_id: z.string(),
  frame: z
    .object({
      tenant_name: z.string(),
      currency: z.string(),
      time_zone: z.string(),
      user_name: z.string(),
      locale: z.enum(['es', 'en']).nullable(),
      connection_status: z.string(),
      unanswered: z.number(),
      unconfirmed: z.number(),
      parked: z.number(),
      sending_paused: z.boolean(),
    })
    .nullable(),
});

/** Who is signed in, and what stands around every page: the tenant, the person, and what waits for somebody. */
export function createFrames({ pool }: Pick<Database, 'pool'>) {
  return {
    /** Across tenants, by the session cookie's hash, then inside that session's tenant: one statement a page. Null when the session is unknown or over. */
    async maybeOfSession(tokenHash: Buffer) {
      const row = await pool.maybeOne(sql.prepared('signed_in', signedInRow)`
        SELECT s.tenant_id, s.user_id, (SELECT to_jsonb(f) FROM (
          SELECT t.name AS tenant_name, t.currency, t.time_zone, u.name AS user_name, u.locale,
            coalesce((SELECT c.status FROM connections c WHERE c.tenant_id = t.id), 'not_connected') AS connection_status,
            (SELECT count(*) FROM (SELECT FROM leads l WHERE l.tenant_id = t.id AND l.status = 'new' AND l.merged_into IS NULL AND l.erased_at IS NULL LIMIT 100) n) AS unanswered,
            (SELECT count(*) FROM (SELECT FROM webhook_events w WHERE w.tenant_id = t.id AND w.state = 'parked' LIMIT 100) n) AS parked,
            (SELECT count(*) FROM (SELECT FROM outbound_messages m WHERE m.tenant_id = t.id AND m.state = 'unconfirmed' AND m.resolution IS NULL LIMIT 100) n) AS unconfirmed,
            t.sending = 'paused' OR (SELECT i.sending <> 'on' FROM installation_state i) AS sending_paused
          FROM users u JOIN tenants t ON t.id = u.tenant_id
          WHERE u.tenant_id = s.tenant_id AND u.id = s.user_id) AS f) AS frame
        FROM (SELECT tenant_id, user_id, ${asTenant(sql.fragment`tenant_id`)} AS named FROM session_by_hash(${sql.binary(tokenHash)})) AS s
        WHERE s.named IS NOT NULL`);
      if (!row?.frame) return null;
      const { locale, ...frame } = row.frame;
      return {
        userId: row.user_id,
        locale,
        frame: {
          tenantId: row.tenant_id,
          tenantName: frame.tenant_name,
          currency: frame.currency,
          timeZone: frame.time_zone,
          userName: frame.user_name,
          connectionStatus: frame.connection_status,
          unansweredLeads: frame.unanswered,
          unconfirmedMessages: frame.unconfirmed,
          parkedEvents: frame.parked,
          sendingPaused: frame.sending_paused,
        },
      };
    },
  };
}
export type Frames = ReturnType<typeof createFrames>;
