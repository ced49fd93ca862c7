import { describe, expect, it, vi } from 'vitest';
import { asAdmin } from '../dev/stack/roles.ts';
import { signIn } from '../dev/walk/connect.ts';
import { Person } from '../dev/walk/person.ts';
import { demoStack } from './demo-stack.ts';

const stack = demoStack();
const patience = { timeout: 120_000, interval: 1_000 };

const submitUnheard = async (given: object) => {
  const reply = await fetch(`${stack.places.metaSimUrl}/_control/leads`, {
    method: 'POST',
    body: JSON.stringify({ deliver: false, ...given }),
  });
  return ((await reply.json()) as { leadgen_ids: string[] }).leadgen_ids;
};

const leadsOf = (ids: readonly string[]) =>
  asAdmin(stack.places.adminUrl, async (client) => {
    const { rows } = await client.query<{ form_id: string; is_recovered: boolean; states: string[] }>(
      `SELECT l.form_id, l.recovered_at IS NOT NULL AS is_recovered,
         ARRAY(SELECT m.state FROM outbound_messages m WHERE m.lead_id = l.id) AS states
       FROM leads l WHERE l.tenant_id = $1 AND l.meta_leadgen_id = ANY($2)`,
      [stack.tenants[0]?.id, ids],
    );
    return rows;
  });

describe('leads whose webhooks never come', () => {
  it('are brought by comparisons: new ones marked as recovered and messaged once, those from before the connection kept quietly', async () => {
    const [tenant] = stack.tenants;
    if (tenant === undefined) throw new Error('no tenant');
    // Meta's times are whole seconds, and the page may have been connected in this one.
    const later = Date.now() + 1_500;
    const old = await submitUnheard({ count: 2, createdSecondsAgo: 30 * 86_400 });
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(later), patience);
    const missed = await submitUnheard({});

    const person = new Person(stack.places.webUrl);
    await signIn(person, tenant);
    // A comparison that runs already is not begun twice; a first one reads a week, which does not explain the older two.
    await vi.waitFor(async () => {
      await person.submit(await person.visit('/crm/reconciliation'), '/crm/reconciliation-runs');
      expect(await leadsOf([...old, ...missed])).toHaveLength(3);
    }, patience);
    await vi.waitFor(async () => {
      const [lead] = await leadsOf(missed);
      expect(lead?.is_recovered).toBe(true);
      expect(lead?.states).toEqual([expect.stringMatching(/delivered|read/)]);
    }, patience);
    expect(await leadsOf(old)).toMatchObject([
      { is_recovered: false, states: [] },
      { is_recovered: false, states: [] },
    ]);
    const [{ form_id } = { form_id: '' }] = await leadsOf(missed);
    const ofForm = new RegExp(`data-form="${form_id}"(?:(?!</tr>)[^])*Meta (\\d+) · \\S+ \\1 · 0 `);
    await person.waitFor('/crm/reconciliation', ({ text }) => ofForm.test(text));
    expect((await person.visit('/crm/leads')).text.match(/data-recovered/g)).toHaveLength(1);
  }, 180_000);
});
