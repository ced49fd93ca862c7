import { sql } from 'slonik';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMailer } from '../adapters/mail.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { createConnections } from '../adapters/postgres/connections.ts';
import { createUsers } from '../adapters/postgres/users.ts';
import { type ReceivedMail, startMailbox } from '../simulators/mailbox/server.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { reminderMail } from '../web/mails.ts';
import { createReminderActivities } from './reminders.ts';

const vault = { seal: (text: string) => text, open: (text: string) => text };
let db: TestDatabase;
let mailbox: Awaited<ReturnType<typeof startMailbox>>;
let tenantId: number;
let metrics: ReturnType<typeof createMetrics>;

beforeAll(async () => {
  db = await testDatabase();
  mailbox = await startMailbox({ port: 0, smtpPort: 0 });
});
afterAll(() => mailbox.close());

beforeEach(async () => {
  await fetch(`${mailbox.url}/_control/reset`, { method: 'POST' });
  metrics = createMetrics();
  tenantId = await aTenant(db);
  await db.database.inTenant(tenantId, async (tx) => {
    await tx.query(
      sql.unsafe`INSERT INTO connections (tenant_id, status, business_name) VALUES (${tenantId}, 'connected', 'Aurora')`,
    );
    await tx.query(
      sql.unsafe`INSERT INTO meta_tokens (tenant_id, access_token, expires_at) VALUES (${tenantId}, 'sealed', '2026-12-01T09:30:00Z')`,
    );
    for (const [name, locale] of [
      ['ana', 'es'],
      ['bea', 'en'],
    ])
      await tx.query(
        sql.unsafe`INSERT INTO users (tenant_id, email, name, password_hash, locale) VALUES (${tenantId}, ${`${name}.${tenantId}@example.com`}, 'Ana', '-', ${locale ?? null})`,
      );
  });
});

const activitiesOf = (smtpUrl: string = mailbox.smtpUrl) =>
  createReminderActivities({
    connections: createConnections({ ...db.database, vault }),
    users: createUsers(db.database),
    mailer: createMailer({ SMTP_URL: smtpUrl }),
    compose: (locale, facts) => reminderMail('https://hub.example.com', locale, facts),
    live: { publish: () => {}, subscribe: () => () => {} },
    metrics,
  });
const mails = async () => (await (await fetch(`${mailbox.url}/_control/mails`)).json()) as ReceivedMail[];
const counted = async () => (await metrics.tokenReminders.get()).values.reduce((sum, { value }) => sum + value, 0);

describe('A reminder', () => {
  it('reaches each person in their language, with the date and the way to the page', async () => {
    expect(await activitiesOf().mailReminder({ tenantId, days: 3 })).toEqual({ mailed: 2 });
    const [spanish, english] = (await mails()).sort((one, other) => (one.to[0] ?? '').localeCompare(other.to[0] ?? ''));
    expect(spanish).toMatchObject({
      to: [`ana.${tenantId}@example.com`],
      subject: 'La conexión con Meta termina en 3 días',
    });
    expect(english?.subject).toBe('The Meta connection ends in 3 days');
    for (const mail of [spanish, english])
      expect(mail?.text).toMatch(/Aurora[\s\S]*09:30 UTC[\s\S]*https:\/\/hub\.example\.com\/crm\/connection/);
  });

  it('is kept and counted once for each end, however often it is told', async () => {
    const activities = activitiesOf();
    for (const days of [7, 7, 3]) await activities.noteReminder({ tenantId, days });
    expect(await counted()).toBe(2);
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(sql.unsafe`UPDATE meta_tokens SET expires_at = '2027-02-01T09:30:00Z'`),
    );
    await activities.noteReminder({ tenantId, days: 7 });
    expect(await counted()).toBe(3);
  });

  it('is tried again when the mail server takes none', async () => {
    await expect(activitiesOf('smtp://127.0.0.1:1').mailReminder({ tenantId, days: 1 })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('is nothing without a token', async () => {
    await db.database.inTenant(tenantId, (tx) => tx.query(sql.unsafe`DELETE FROM meta_tokens`));
    expect(await activitiesOf().mailReminder({ tenantId, days: 1 })).toEqual({ mailed: 0 });
  });
});
