import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchBrowser } from '../dev/stack/browser.ts';
import { asAdmin } from '../dev/stack/roles.ts';
import { runWalk } from '../dev/walk.ts';
import { demoStack } from './demo-stack.ts';
import { everyHistory } from './histories.ts';
import { browserWalk, patience, sim, stackDriver } from './stack-driver.ts';

const stack = demoStack();
const { submitLeads, leadsOf, allMessaged, kill, readyz } = stackDriver(stack);
const { signIn, connect, disconnect } = browserWalk(stack);

describe('one lead', () => {
  it('walks from its form to a sale on the dashboard, through the public pages only', async () => {
    const { places, secrets, tenants } = stack;
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { appUrl, adminUrl, ...rest } = places;
    const demo = { ...rest, databaseUrl: appUrl, adminDatabaseUrl: adminUrl, tenants } as never;
    const ok = await runWalk(demo, secrets).finally(() => said.mockRestore());
    expect(ok).toBe(true);
  });

  it('is messaged once when its webhook comes three times', async () => {
    const ids = await submitLeads({ count: 3, duplicates: 2 });
    const rows = await allMessaged(ids);
    const { messages } = await sim<{ messages: { to: string }[] }>(stack.places.ycloudSimUrl, 'ledger');
    for (const { phone } of rows) expect(messages.filter(({ to }) => to === phone)).toHaveLength(1);
  });

  it('that is organic or a test arrives too', async () => {
    const [organic] = await submitLeads({ organic: true });
    const [test] = await submitLeads({ test: true });
    await vi.waitFor(async () => expect(await leadsOf([organic ?? '', test ?? ''])).toHaveLength(2), patience);
    const [row] = await leadsOf([test ?? '']);
    expect([row?.messages, row?.phone]).toEqual(['0', null]);
  });
});

describe('while a part is down', () => {
  it('Temporal: the webhook is answered, and the lead arrives when Temporal is back', async () => {
    await kill('temporal');
    const ids = await submitLeads({ count: 2 });
    await vi.waitFor(async () => {
      const { deliveries } = await sim<{ deliveries: { status: number }[] }>(stack.places.metaSimUrl, 'ledger');
      expect(deliveries.at(-1)?.status).toBe(200);
    }, patience);
    expect(await readyz()).toBe('degraded: temporal');
    await stack.services.temporal.restart();
    await allMessaged(ids);
  });

  it('Valkey: everything works, and /readyz says so', async () => {
    await kill('valkey');
    await vi.waitFor(async () => expect(await readyz()).toBe('degraded: redis'), patience);
    await allMessaged(await submitLeads());
    const login = await fetch(`${stack.places.webUrl}/login`);
    expect(login.status).toBe(200);
    await stack.services.valkey.restart();
    await vi.waitFor(async () => expect(await readyz()).toBe('ok'), patience);
  });

  it('the worker: its work is done when it is back', async () => {
    await kill('worker');
    const ids = await submitLeads({ count: 3 });
    await stack.services.worker.restart();
    await allMessaged(ids);
  });

  it('PostgreSQL: the webhook is answered 503, and what Meta sends again is kept', async () => {
    await kill('postgres');
    const ids = await submitLeads();
    await vi.waitFor(async () => {
      const { deliveries } = await sim<{ deliveries: { status: number }[] }>(stack.places.metaSimUrl, 'ledger');
      expect(deliveries.at(-1)?.status).toBe(503);
    }, patience);
    expect((await fetch(`${stack.places.webUrl}/readyz`)).status).toBe(503);
    await stack.services.postgres.restart();
    await sim(stack.places.metaSimUrl, 'clock', { advanceSeconds: 3600 });
    await allMessaged(ids);
  });
});

describe('the mission’s browser walk', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it.each([
    ['with JavaScript', true],
    ['without JavaScript', false],
  ])('connects a Meta account, %s', async (_name, javaScriptEnabled) => {
    const context = await browser.newContext({
      javaScriptEnabled,
      locale: 'en-US',
      viewport: { width: 1280, height: 900 },
    });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await signIn(page);
    if (await page.locator('button:has-text("Connect Meta Account")').count()) await connect(page, javaScriptEnabled);
    else await page.goto(`${stack.places.webUrl}/crm/marketing`);
    await expect
      .poll(
        () =>
          page
            .locator('.connection-status')
            .first()
            .textContent()
            .then((text) => text?.trim()),
        patience,
      )
      .toBe('Connected');
    expect(problems).toEqual([]);
    await disconnect(page);
    await context.close();
  });

  it('says what was not granted, and asks Meta for it again', async () => {
    const context = await browser.newContext({ locale: 'en-US' });
    const page = await context.newPage();
    await signIn(page);
    await page.click('button:has-text("Connect Meta Account")');
    await page.click('button[value="cancel"]');
    await page.getByText('Access was not granted').waitFor();
    await page.click('button:has-text("Start again")');
    await page.uncheck('input[name="granted"][value="leads_retrieval"]');
    await page.click('button[value="continue"]');
    await page.getByText('A permission was not granted').waitFor({ timeout: 30_000 });
    expect(await page.locator('main').textContent()).toContain('Read leads');
    await page.click('button:has-text("Ask Meta for the missing permissions")');
    await page.click('button[value="continue"]');
    await page.locator('[name="business_id"]').first().waitFor({ timeout: 30_000 });
    await context.close();
  });

  it('shows a new lead in the live feed of an open hub by itself', async () => {
    const context = await browser.newContext({ locale: 'en-US' });
    const page = await context.newPage();
    await signIn(page, 0);
    const newest = () => page.locator('#lead-feed li a').first().getAttribute('href');
    const before = await newest();
    const [id] = await submitLeads();
    await expect.poll(newest, patience).not.toBe(before);
    const [row] = await allMessaged([id ?? '']);
    await expect.poll(() => page.locator('#lead-feed li').first().textContent(), patience).toMatch(/Delivered|Read/);
    expect(row?.messages).toBe('1');
    await context.close();
  });
});

describe('after all of it', () => {
  /** What must stand nowhere: tokens, secrets, and what people are. */
  async function forbidden(): Promise<string[]> {
    const people = await asAdmin(
      stack.places.adminUrl,
      async (client) =>
        (
          await client.query<{ phone: string; email: string }>(
            "SELECT phone, email FROM leads WHERE phone LIKE '+%' AND meta_leadgen_id IS NOT NULL LIMIT 20",
          )
        ).rows,
    );
    const { metaAppSecret, ycloudApiKey, ycloudWebhookSecret, fernetKey, jwtSecret } = stack.secrets;
    const { access_token } = await sim<{ access_token: string }>(stack.places.metaSimUrl, 'tokens', {});
    return [
      ...people.flatMap(({ phone, email }) => [phone, email]),
      metaAppSecret,
      ycloudApiKey,
      ycloudWebhookSecret,
      fernetKey,
      jwtSecret,
      access_token.slice(0, 12),
    ];
  }

  it('a night of housekeeping lets go of what is over, by its own Schedule', async () => {
    const [tenant] = stack.tenants;
    const events = (statement: string) =>
      asAdmin(stack.places.adminUrl, async (client) => (await client.query(statement)).rowCount);
    await events(`
      INSERT INTO webhook_events (provider, dedupe_key, tenant_id, kind, payload, state, received_at)
      VALUES ('ycloud', 'long ago', ${tenant?.id}, 'message', '{}', 'done', now() - interval '200 days')`);
    const connection = await Connection.connect({ address: stack.places.temporalAddress });
    await new Client({ connection }).schedule.getHandle('retention').trigger();
    await vi.waitFor(
      async () => expect(await events("SELECT FROM webhook_events WHERE dedupe_key = 'long ago'")).toBe(0),
      patience,
    );
    await connection.close();
  });

  it('no log, metric or Redis key holds a secret or a person', async () => {
    const words = await forbidden();
    const logs = readdirSync(join(stack.folder, 'logs')).filter((name) => /^(server|worker)/.test(name));
    const redis = new Redis(stack.places.redisUrl);
    const keys = await redis.keys('*');
    redis.disconnect();
    const metrics = await Promise.all(
      [stack.places.metricsUrl, stack.places.workerMetricsUrl].map(async (url) => (await fetch(url)).text()),
    );
    const texts = [
      ...logs.map((name) => readFileSync(join(stack.folder, 'logs', name), 'utf8')),
      keys.join('\n'),
      ...metrics,
    ];
    expect(texts.every((text) => text.length > 0)).toBe(true);
    for (const text of texts) expect(words.filter((word) => text.includes(word))).toEqual([]);
  });

  it('no Temporal history holds one either, and the scan would see it', async () => {
    const words = await forbidden();
    const connection = await Connection.connect({ address: stack.places.temporalAddress });
    const all = await everyHistory(new Client({ connection }));
    await connection.close();
    expect(all).toContain('leadgenId'); // it stands in payloads only: the scan does see into them
    expect(words.filter((word) => all.includes(word))).toEqual([]);
  });

  it('the metrics of the contract are served', async () => {
    const server = await (await fetch(stack.places.metricsUrl)).text();
    const worker = await (await fetch(stack.places.workerMetricsUrl)).text();
    for (const name of [
      'hub_inbox_pending',
      'hub_token_expiry_seconds{tenant="1"}',
      'hub_sync_age_seconds{tenant="1"}',
      'hub_http_request_duration_seconds',
    ])
      expect(server).toContain(name);
    for (const name of [
      'hub_meta_calls_total',
      'hub_meta_usage_ratio',
      'hub_sync_duration_seconds',
      'hub_sync_rows_total',
      'hub_leads_total',
      'hub_lead_latency_seconds',
      'hub_messages_total',
      'temporal_workflow_completed_total',
    ])
      expect(worker).toContain(name);
  });
});
