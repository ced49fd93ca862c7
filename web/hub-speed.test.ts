import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aCampaign, aConnection, aDay, aLead, anAccount, aTouch } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  await aConnection(db, tenantId);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  await anAccount(db, tenantId, { id: '101', currency: 'USD' });
  await aCampaign(db, tenantId, { id: '300', accountId: '101', currency: 'USD' });
  const yesterday = new Date(Date.now() - 24 * 60 * 60_000).toISOString().slice(0, 10);
  await aDay(db, tenantId, yesterday, { spend: '1000.00' });
});

const at = (days: number, minutes: number) => new Date(Date.now() - days * 24 * 60 * 60_000 + minutes * 60_000);
/** A lead of so many days ago, whom a person wrote to after so many minutes, or nobody. */
async function aLeadAnswered(days: number, afterMinutes: number | null, campaignId = '200'): Promise<void> {
  const leadId = await aLead(db, tenantId, { at: at(days, 0) });
  await aTouch(db, tenantId, leadId, { campaignId, at: at(days, 0) });
  if (afterMinutes === null) return;
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`
      INSERT INTO chat_messages (tenant_id, lead_id, direction, author, body, sent_at)
      VALUES (${tenantId}, ${leadId}, 'out', 'human', 'Hola', ${at(days, afterMinutes).toISOString()}::timestamptz)`),
  );
}
const shown = async (query = '') =>
  textOf(await (await (await aPerson(app, db, tenantId)).get(`/crm/marketing${query}`)).text());

describe('The first response on the hub', () => {
  it('is that of the middle lead, beside the period before; who waits still does not count', async () => {
    for (const minutes of [2, 6, 90, null]) await aLeadAnswered(3, minutes);
    await aLeadAnswered(40, 12);
    expect(await shown()).toMatch(/First response 6 min .*50\.0 % before 12 min/);
  });

  it('is a dash while nobody was answered, and each currency’s own', async () => {
    await aLeadAnswered(3, null);
    await aLeadAnswered(3, 7, '300');
    expect(await shown()).toMatch(/First response — before —/);
    expect(await shown('?currency=all')).toMatch(/First response 7 min before —/);
  });
});
