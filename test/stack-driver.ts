import type { Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import { asAdmin } from '../dev/stack/roles.ts';
import type { SeededStack } from './demo-stack.ts';

export const patience = { timeout: 100_000, interval: 200 };

interface LeadRow {
  meta_leadgen_id: string;
  phone: string;
  state: string | null;
  messages: string;
}

/** A simulator's control: a call without a body reads. */
export async function sim<T>(url: string, name: string, body?: object): Promise<T> {
  const init =
    body === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const reply = await fetch(`${url}/_control/${name}`, init);
  if (!reply.ok) throw new Error(`${name}: HTTP ${reply.status}`);
  return (await reply.json()) as T;
}

/** What a test does to a running stack, and sees of it. */
export function stackDriver(stack: SeededStack) {
  /** Leads of the first tenant with the state of their one message. */
  const leadsOf = (ids: readonly string[]) =>
    asAdmin(stack.places.adminUrl, async (client) => {
      const { rows } = await client.query<LeadRow>(
        `SELECT l.meta_leadgen_id, l.phone, min(m.state) AS state, count(m.*) AS messages FROM leads l LEFT JOIN outbound_messages m ON m.lead_id = l.id
         WHERE l.tenant_id = $1 AND l.meta_leadgen_id = ANY($2) GROUP BY 1, 2`,
        [stack.tenants[0]?.id, ids],
      );
      return rows;
    });
  return {
    leadsOf,
    submitLeads: async (given: object = {}) =>
      (await sim<{ leadgen_ids: string[] }>(stack.places.metaSimUrl, 'leads', given)).leadgen_ids,
    allMessaged: (ids: readonly string[]) =>
      vi.waitFor(async () => {
        const rows = await leadsOf(ids);
        expect(rows.length).toBe(ids.length);
        expect(
          rows.every((row) => row.messages === '1' && row.state !== null && ['delivered', 'read'].includes(row.state)),
        ).toBe(true);
        return rows;
      }, patience),
    /** As a crash does it: at once, nothing handed back. */
    async kill(name: keyof SeededStack['services']): Promise<void> {
      const { program } = stack.services[name];
      if (!program) throw new Error(`${name} is not ours`);
      process.kill(program.pid, 'SIGKILL');
      await program.exited;
    },
    readyz: async () => ((await (await fetch(`${stack.places.webUrl}/readyz`)).json()) as { status: string }).status,
  };
}

/** What a person does in a browser on a running stack: connecting and leaving Meta of the tenant that starts from nothing. */
export function browserWalk(stack: SeededStack) {
  return {
    async signIn(page: Page, which = 1): Promise<void> {
      const tenant = stack.tenants[which];
      await page.goto(`${stack.places.webUrl}/crm/marketing`);
      await page.fill('#email', tenant?.email ?? '');
      await page.fill('#password', tenant?.password ?? '');
      await page.click('#sign-in button[type=submit]');
      await page.waitForURL(/\/crm\/marketing/);
    },

    async connect(page: Page, isLive: boolean): Promise<void> {
      await page.click('button:has-text("Connect Meta Account")');
      await page.click('button[value="continue"]');
      for (const step of ['business_id', 'ad_account_id', 'confirmation']) {
        const form = page.locator(
          step === 'confirmation' ? 'form[action$="/confirmation"]' : `form:has([name="${step}"])`,
        );
        while (!isLive && (await form.count()) === 0) await page.reload();
        await form.locator('button[type=submit]').first().click();
      }
      await page.waitForURL((url) => !url.pathname.endsWith('/confirmation'));
      await page.goto(`${stack.places.webUrl}/crm/marketing`);
    },

    async disconnect(page: Page): Promise<void> {
      await page.goto(`${stack.places.webUrl}/crm/connection/disconnect`);
      await page.locator('main form button[type=submit]').first().click();
      await expect
        .poll(async () => {
          await page.goto(`${stack.places.webUrl}/crm/marketing`);
          return page.locator('button:has-text("Connect Meta Account")').count();
        }, patience)
        .toBe(1);
    },
  };
}
