import { setTimeout as sleep } from 'node:timers/promises';
import { asAdmin } from '../stack/roles.ts';
import type { SeededBench } from './stack.ts';

const DRAINED_WITHIN_MS = 15 * 60_000;

/** People who submit a form of which Meta does not tell by itself. */
export async function silentLeads({ places, pageId }: SeededBench, count: number): Promise<string[]> {
  const control = async <T>(path: string, body?: object): Promise<T> => {
    const reply = await fetch(
      `${places.metaSimUrl}/_control/${path}`,
      body && { method: 'POST', body: JSON.stringify(body) },
    );
    return (await reply.json()) as T;
  };
  const { forms } = await control<{ forms: { id: string; page_id: string; status: string }[] }>('world');
  const form = forms.find((each) => each.page_id === pageId && each.status === 'ACTIVE');
  const lead = { form_id: form?.id, count, deliver: false };
  return (await control<{ leadgen_ids: string[] }>('leads', lead)).leadgen_ids;
}

/** Waits until each of these people has a message that YCloud took; a person who came before has it on their first lead. */
export async function drained({ places }: SeededBench, ids: readonly string[]): Promise<void> {
  const end = Date.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const left = await asAdmin(places.adminUrl, async (client) => {
      const { rows } = await client.query<{ n: string }>(
        `SELECT count(*) AS n FROM unnest($1::text[]) AS wanted (id)
         WHERE NOT EXISTS (SELECT FROM leads l JOIN outbound_messages m ON m.tenant_id = l.tenant_id AND m.lead_id = coalesce(l.merged_into, l.id)
           WHERE l.meta_leadgen_id = wanted.id AND m.state IN ('accepted', 'sent', 'delivered', 'read'))`,
        [ids],
      );
      return Number(rows[0]?.n);
    });
    if (left === 0) return;
    if (Date.now() > end) throw new Error(`${left} leads did not get through`);
    await sleep(250);
  }
}
