import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CredentialTest, TestOutcome } from '../domain/credential.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { companyRoutes } from './company.ts';
import { credentialRoutes } from './credentials.ts';

let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let outcome: TestOutcome | null;
let tested: Parameters<CredentialTest>[0][];
let invalidated: number[];

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores, config }) => [
    ...credentialRoutes({
      ...stores,
      config,
      testCredential: async (given) => {
        tested.push(given);
        return outcome;
      },
    }),
    ...companyRoutes({ ...stores, invalidateFigures: async (tenant) => void invalidated.push(tenant) }),
    ...apiKeyRoutes(stores),
  ]);
});
beforeEach(async () => {
  [outcome, tested, invalidated] = ['works', [], []];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'en' });
});

const html = async (path: string, who = person) => (await who.get(path)).text();
const text = async (path: string, who = person) => textOf(await html(path, who));
const changes = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.anyFirst(sql.type(z.object({ line: z.string() }))`
      SELECT name || ' ' || details::text AS line FROM system_events WHERE tenant_id = ${tenantId} AND kind = 'change' AND name <> 'session.opened' ORDER BY id`),
  );

describe('The Vault', () => {
  const path = '/crm/settings/credentials';
  const secret = 'yc-key-0123456789-7f3a';
  const save = (given: Record<string, string> = {}) =>
    person.post(path, { kind: 'ycloud.api_key', secret, url: '', account_id: '', ...given });
  const entry = async (name: string) => {
    const [provider, category] = name.split('.');
    const entries = await app.stores.vaultEntries.listForTenant(tenantId);
    const found = entries.find((each) => each.provider === provider && each.category === category);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };

  it('says whose credentials serve while the tenant has none', async () => {
    expect(await text(path)).toContain('This workspace keeps none yet');
  });

  it('tests a key with its service before it keeps it, encrypted, and never shows it again', async () => {
    expect((await save()).headers.get('location')).toBe(path);
    expect(tested).toEqual([{ provider: 'ycloud', category: 'api_key', secret, settings: {} }]);
    expect(await app.stores.credentials.ycloudKey(tenantId)).toBe(secret);
    const page = await html(path);
    expect(textOf(page)).toMatch(/YCloud API key This workspace ends in 7f3a Works/);
    const { id } = await entry('ycloud.api_key');
    for (const where of [page, await html(`${path}?replace=${id}`)]) expect(where).not.toContain(secret.slice(0, 12));
    const stored = await db.database.inTenant(tenantId, (tx) =>
      tx.oneFirst(
        sql.type(z.object({ secret: z.string() }))`SELECT secret FROM credentials WHERE tenant_id = ${tenantId}`,
      ),
    );
    expect(stored).not.toContain(secret);
    expect(await changes()).toEqual(['credential.added {"category": "api_key", "provider": "ycloud"}']);
  });

  it('opens at the kind that a link names', async () => {
    const page = await html(`${path}?add&kind=ycloud.webhook_secret`);
    expect(page).toMatch(/value="ycloud.webhook_secret" selected/);
  });

  it('refuses what the service refuses, keeps the form, and keeps nothing of the secret', async () => {
    outcome = 'rejected';
    const reply = await save();
    const page = await reply.text();
    expect(reply.status).toBe(422);
    expect(textOf(page)).toContain('YCloud does not take this key');
    expect(page).toMatch(/<dialog open/);
    expect(page).not.toContain(secret);
    expect(await app.stores.vaultEntries.listForTenant(tenantId)).toEqual([]);
  });

  it('keeps a key that nobody could be asked about, and says so', async () => {
    outcome = 'no_answer';
    await save();
    expect(await text(path)).toContain('No answer');
  });

  it('asks for what is missing beside its field', async () => {
    const page = textOf(
      await (await save({ kind: 'chatwoot.api_key', secret: 'short', url: 'http://x', account_id: 'a' })).text(),
    );
    for (const words of ['Paste the whole value', 'starts with https://', 'number that stands in Chatwoot'])
      expect(page).toContain(words);
    expect(tested).toEqual([]);
    await save({ kind: 'chatwoot.api_key', url: 'https://chat.example.com', account_id: '7' });
    expect(tested.at(-1)?.settings).toEqual({ url: 'https://chat.example.com', accountId: '7' });
  });

  it('rotates a webhook secret: the one before still proves webhooks on their way', async () => {
    for (const each of ['whsec-old-0123456789', 'whsec-new-0123456789']) {
      outcome = null;
      await save({ kind: 'ycloud.webhook_secret', secret: each });
    }
    expect(await app.stores.credentials.ycloudWebhookSecrets(tenantId)).toEqual([
      'whsec-new-0123456789',
      'whsec-old-0123456789',
    ]);
    expect(await text(path)).toMatch(/Webhook secret This workspace ends in 6789 Waits for its first webhook/);
    const { id } = await entry('ycloud.webhook_secret');
    expect(await text(`${path}?remove=${id}`)).toContain('are no longer accepted');
    await person.post(`${path}/${id}/removal`);
    expect(await app.stores.credentials.ycloudWebhookSecrets(tenantId)).toEqual([]);
    expect((await changes()).map((line) => line.split(' ')[0])).toEqual([
      'credential.added',
      'credential.replaced',
      'credential.removed',
    ]);
  });

  it('tests a kept key when asked, and says first which one is refused', async () => {
    await save();
    const { id } = await entry('ycloud.api_key');
    outcome = 'rejected';
    expect((await person.post(`${path}/${id}/tests`)).headers.get('location')).toBe(path);
    expect(tested.at(-1)?.secret).toBe(secret);
    expect(await text(path)).toContain('YCloud refuses its credential');
  });

  it("lets nobody test, remove or replace another tenant's, nor a global one", async () => {
    await save();
    const { id } = await entry('ycloud.api_key');
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(await text(path, stranger)).not.toContain('7f3a');
    expect((await stranger.post(`${path}/${id}/tests`)).status).toBe(404);
    expect((await stranger.post(`${path}/${id}/removal`)).status).toBe(404);
    expect(await html(`${path}?remove=${id}`, stranger)).not.toContain('<dialog');
    expect(tested).toHaveLength(1);
  });
});

describe("The tenant's settings", () => {
  const path = '/crm/settings/company';
  const given = {
    name: 'Aurora <b>Sur</b>',
    country: 'MX',
    timeZone: 'America/Mexico_City',
    currency: 'MXN',
    locale: 'en',
    quietFrom: '21:00',
    quietUntil: '09:00',
    quietDays: ['6', '7'],
    templateCap: '2',
    templateCapHours: '48',
    lookBackDays: '60',
    eventDays: '30',
    heedConsent: 'on',
  };

  it('are kept, shown again, and change the figures', async () => {
    expect((await person.post(path, given)).headers.get('location')).toBe(path);
    const { quietDays, ...rest } = given;
    expect(await app.stores.settings.forTenant(tenantId)).toEqual({
      ...rest,
      quietDays: quietDays.map(Number),
      templateCap: 2,
      templateCapHours: 48,
      lookBackDays: 60,
      eventDays: 30,
      heedConsent: true,
    });
    expect(invalidated).toEqual([tenantId]);
    const page = await html(path);
    expect(page).toContain('value="Aurora &lt;b&gt;Sur&lt;/b&gt;"');
    expect(page).toMatch(/value="7" checked/);
    expect(textOf(page)).toContain('Changes saved');
    expect(await text(path)).not.toContain('Changes saved');
    const [change] = await changes();
    expect(change).toContain('tenant.settings_changed');
    for (const field of ['time_zone', 'quiet_days', 'template_cap']) expect(change).toContain(field);
  });

  it('say whether a box left unticked is heeded: yes, until somebody decides otherwise', async () => {
    const box = async () => (await html(path)).match(/<input[^>]*name="heedConsent"[^>]*>/)?.[0];
    expect(await box()).toContain(' checked');
    const { heedConsent: _, ...without } = given;
    const refused = await (await person.post(path, { ...without, name: '' })).text();
    expect(refused.match(/<input[^>]*name="heedConsent"[^>]*>/)?.[0]).not.toContain(' checked');
    expect(await box()).toContain(' checked');
    await person.post(path, without);
    expect(await box()).not.toContain(' checked');
    expect((await changes()).at(-1)).toContain('heed_consent');
  });

  it('say beside the field what is wrong, and keep what was typed', async () => {
    const wrong = {
      ...given,
      timeZone: 'Mars/Olympus',
      quietUntil: '',
      quietDays: ['1', '2', '3', '4', '5', '6', '7'],
      templateCap: '0',
    };
    const reply = await person.post(path, wrong);
    const page = await reply.text();
    expect(reply.status).toBe(422);
    for (const words of [
      'Nothing is saved yet',
      'Choose a zone',
      'both from and until',
      'at least one day',
      'number from 1 to 100',
    ])
      expect([words, textOf(page).includes(words)]).toEqual([words, true]);
    expect(page).toContain('value="21:00"');
    expect((await app.stores.settings.forTenant(tenantId)).timeZone).toBe('America/Argentina/Buenos_Aires');
  });
});

describe('API keys', () => {
  const path = '/crm/settings/api-keys';
  const formId = async () => /name="id" value="([^"]+)"/.exec(await html(`${path}?add`))?.[1] ?? '';

  it('are shown in the one answer that makes them, and work', async () => {
    const id = await formId();
    const reply = await person.post(path, { id, kind: 'admin', name: 'Sales <sheet>' });
    const key = /<output[^>]*>(hub_admin_[\w-]+)</.exec(await reply.text())?.[1] ?? '';
    const stats = await fetch(`${app.url}/nothing`, { headers: { 'x-admin-token': key } });
    expect(stats.status).toBe(404);
    expect(await app.stores.apiKeys.maybeByHash((await import('./secrets.ts')).sha256(key))).toMatchObject({
      tenant_id: tenantId,
      kind: 'admin',
    });
    const page = await html(path);
    expect(page).not.toContain(key);
    expect(textOf(page)).toContain(`Sales <sheet> Admin ends in ${key.slice(-4)}`);
    const again = await person.post(path, { id, kind: 'admin', name: 'Sales <sheet>' });
    expect(again.headers.get('location')).toBe(path);
    expect(await app.stores.apiKeys.listForTenant(tenantId)).toHaveLength(1);
  });

  it('need a purpose', async () => {
    const reply = await person.post(path, { id: await formId(), kind: 'api', name: ' ' });
    expect([reply.status, textOf(await reply.text()).includes('Write what the key is for')]).toEqual([422, true]);
  });

  it('end at once when they are revoked, by their own tenant only', async () => {
    await person.post(path, { id: await formId(), kind: 'api', name: 'Sheet' });
    const [{ id } = { id: '' }] = await app.stores.apiKeys.listForTenant(tenantId);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.post(`${path}/${id}/revocation`)).status).toBe(404);
    expect(await text(`${path}?revoke=${id}`)).toContain('Revoke “Sheet”?');
    await person.post(`${path}/${id}/revocation`);
    expect(await text(path)).toContain('Revoked');
    expect((await person.post(`${path}/${id}/revocation`)).status).toBe(404);
    expect((await changes()).map((line) => line.split(' ')[0])).toEqual(['api_key.added', 'api_key.revoked']);
  });
});
