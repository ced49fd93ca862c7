import { createHmac } from 'node:crypto';
import type { SeededBench } from './stack.ts';

/** Meta's POST that tells of these leads of the bench's page, signed: one change a lead. */
export function webhookOf(
  { secrets, pageId }: Pick<SeededBench, 'secrets' | 'pageId'>,
  leadgenIds: readonly string[],
): { headers: Record<string, string>; body: string } {
  const changes = leadgenIds.map((id) => ({
    field: 'leadgen',
    value: { leadgen_id: id, page_id: pageId, form_id: '1', created_time: 1785000000 },
  }));
  const body = JSON.stringify({ object: 'page', entry: [{ id: pageId, time: 1785000001, changes }] });
  const signature = createHmac('sha256', secrets.metaAppSecret).update(body).digest('hex');
  return { headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }, body };
}

/** Sends it to the running server. Gives the status. */
export async function postWebhook(bench: SeededBench, leadgenIds: readonly string[]): Promise<number> {
  const reply = await fetch(`${bench.places.webUrl}/crm/webhook/meta`, {
    method: 'POST',
    ...webhookOf(bench, leadgenIds),
  });
  return reply.status;
}
