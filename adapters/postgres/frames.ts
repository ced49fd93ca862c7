import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';

const frameRow = z.object({
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
});

/** What stands around every page: the tenant, the person, and what waits for somebody. One query a page. */
export function createFrames({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** @throws {AppError} `unauthorized` when the person is gone. */
    async forUser(tenantId: number, userId: string) {
      const row = await inTenant(tenantId, (tx) =>
        tx.maybeOne(sql.type(frameRow)`
          SELECT t.name AS tenant_name, t.currency, t.time_zone, u.name AS user_name, u.locale,
            coalesce((SELECT c.status FROM connections c WHERE c.tenant_id = t.id), 'not_connected') AS connection_status,
            (SELECT count(*) FROM (SELECT FROM leads l WHERE l.tenant_id = t.id AND l.status = 'new' AND l.merged_into IS NULL LIMIT 100) n) AS unanswered,
            (SELECT count(*) FROM (SELECT FROM webhook_events w WHERE w.tenant_id = t.id AND w.state = 'parked' LIMIT 100) n) AS parked,
            (SELECT count(*) FROM (SELECT FROM outbound_messages m WHERE m.tenant_id = t.id AND m.state = 'unconfirmed' AND m.resolution IS NULL LIMIT 100) n) AS unconfirmed,
            t.sending = 'paused' OR (SELECT s.sending <> 'on' FROM installation_state s) AS sending_paused
          FROM users u JOIN tenants t ON t.id = u.tenant_id
          WHERE u.tenant_id = ${tenantId} AND u.id = ${userId}`),
      );
      if (!row) throw new AppError('unauthorized', `user ${userId} is gone`);
      const frame = {
        tenantId,
        tenantName: row.tenant_name,
        currency: row.currency,
        timeZone: row.time_zone,
        userName: row.user_name,
        connectionStatus: row.connection_status,
        unansweredLeads: row.unanswered,
        unconfirmedMessages: row.unconfirmed,
        parkedEvents: row.parked,
        sendingPaused: row.sending_paused,
      };
      return { frame, locale: row.locale };
    },
  };
}
export type Frames = ReturnType<typeof createFrames>;
