import type { SeededBench } from '../bench/stack.ts';
import { asAdmin } from '../stack/roles.ts';
import type { Asked } from './again.ts';
import { control } from './faults.ts';

export interface Reckoning {
  leads: number;
  /** Submitted to Meta, not in `leads`. */
  lost: number;
  /** People with more than one message that nobody asked to send again, and first messages that left although a person had asked for another by then. */
  doubled: number;
  /** Accepted by YCloud, but not in our tables or not in the conversation. */
  ghosts: number;
  /** Messaged although they had asked not to be, or had left the WhatsApp box of their form unticked. */
  suppressedMessaged: number;
  /** Shown to a person: nobody knows whether they arrived. */
  unconfirmed: number;
  /** Leads of which neither a message nor a reason stands anywhere, and messages that were asked for again and are still to leave. */
  unaccounted: number;
  /** Inbox rows still to be applied. */
  inboxPending: number;
}

export interface Ledgers {
  submitted: string[];
  sent: { externalId: string | null; to: string }[];
}

/** Compares the simulators' ledgers with the database of tenant `tenantId`. `optedOut` asked for no message before their form came, `asked` a person to send again. */
export async function reckon(
  bench: SeededBench,
  tenantId: number,
  submitted: readonly string[],
  optedOut: readonly string[],
  asked: readonly Asked[] = [],
): Promise<Reckoning> {
  const { messages } = await control<{ messages: Ledgers['sent'] }>(bench.places.ycloudSimUrl, 'ledger');
  return asAdmin(bench.places.adminUrl, async (client) => {
    const one = async (statement: string, values: unknown[]) =>
      Number((await client.query<{ n: string }>(statement, values)).rows[0]?.n);
    const captured = await one(
      `SELECT count(*) AS n FROM leads WHERE tenant_id = $1 AND meta_leadgen_id = ANY($2) AND capture_state = 'captured'`,
      [tenantId, submitted],
    );
    const mirrored = await client.query<{ external_id: string }>(
      `SELECT o.external_id FROM outbound_messages o JOIN chat_messages c ON c.outbound_message_id = o.id JOIN automation_logs l ON l.outbound_message_id = o.id
       WHERE o.tenant_id = $1 AND o.state NOT IN ('claimed', 'cancelled')`,
      [tenantId],
    );
    const known = new Set(mirrored.rows.map((row) => row.external_id));
    const refused = await client.query<{ phone: string }>(
      `SELECT DISTINCT l.phone FROM consents c JOIN leads l ON l.id = c.lead_id WHERE c.tenant_id = $1 AND c.key = 'acepta_whatsapp' AND NOT c.is_given`,
      [tenantId],
    );
    const unwilling = [...optedOut, ...refused.rows.map(({ phone }) => phone)];
    const reached = new Set(messages.map(({ to }) => to));
    const attempts = await client.query<{ external_id: string }>(
      `SELECT external_id FROM outbound_messages WHERE tenant_id = $1 AND again_of = ANY($2) AND origin = 'again'`,
      [tenantId, asked.map(({ messageId }) => messageId)],
    );
    return {
      leads: submitted.length,
      lost: submitted.length - captured,
      doubled: doublesIn(
        messages,
        asked,
        attempts.rows.map((row) => row.external_id),
      ),
      ghosts: messages.filter(({ externalId }) => externalId === null || !known.has(externalId)).length,
      suppressedMessaged: unwilling.filter((phone) => reached.has(phone)).length,
      unconfirmed: await one(
        `SELECT count(*) AS n FROM outbound_messages WHERE tenant_id = $1 AND state = 'unconfirmed'`,
        [tenantId],
      ),
      unaccounted:
        (await one(
          `SELECT count(*) AS n FROM leads l WHERE l.tenant_id = $1 AND l.meta_leadgen_id = ANY($2)
           AND NOT EXISTS (SELECT FROM outbound_messages o WHERE o.lead_id = coalesce(l.merged_into, l.id) AND o.state NOT IN ('claimed', 'sending'))
           AND NOT EXISTS (SELECT FROM automation_runs r WHERE r.lead_id = coalesce(l.merged_into, l.id) AND r.state IN ('stopped', 'done') AND r.reason IS NOT NULL)`,
          [tenantId, submitted],
        )) +
        (await one(
          `SELECT count(*) AS n FROM outbound_messages WHERE tenant_id = $1 AND origin = 'again' AND state IN ('claimed', 'sending')`,
          [tenantId],
        )),
      inboxPending: await one(
        `SELECT count(*) AS n FROM webhook_events WHERE state = 'pending' AND coalesce(error, '') <> 'no_message_yet'`,
        [],
      ),
    };
  });
}

/** `attempts` are the messages that were asked for: they count for nobody, unless one comes twice. */
export function doublesIn(
  messages: Ledgers['sent'],
  asked: readonly Pick<Asked, 'externalId' | 'takenBefore'>[],
  attempts: readonly string[],
): number {
  const isAskedFor = new Set<string | null>(attempts);
  const [seen, reached] = [new Set<string | null>(), new Set<string>()];
  const doubled = new Set<string>();
  const decidedAt = new Map<string | null, number>(asked.map((each) => [each.externalId, each.takenBefore]));
  for (const [i, { externalId, to }] of messages.entries()) {
    const isLate = i >= (decidedAt.get(externalId) ?? Number.POSITIVE_INFINITY);
    const isSecond = !isAskedFor.has(externalId) && reached.has(to);
    if (isLate || isSecond || seen.has(externalId)) doubled.add(to);
    seen.add(externalId);
    if (!isAskedFor.has(externalId)) reached.add(to);
  }
  return doubled.size;
}

export const isClean = (result: Reckoning): boolean =>
  [
    result.lost,
    result.doubled,
    result.ghosts,
    result.suppressedMessaged,
    result.unaccounted,
    result.inboxPending,
  ].every((count) => count === 0);
