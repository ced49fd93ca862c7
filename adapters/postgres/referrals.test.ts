import { sql } from 'slonik';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aCampaign, aLead, anAccount } from '../../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';
import { createCampaigns } from './campaigns.ts';
import { createConversations, type InboundMessage } from './conversations.ts';
import { createLeadPages } from './lead-pages.ts';

let db: TestDatabase;
let tenantId: number;
let nextMessage = 1;
const phone = '+5491155550177';
const ad = { adId: '9', adsetId: '8', campaignId: '200', name: 'Video', status: 'ACTIVE', creative: null };

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
});

const write = (given: Partial<InboundMessage> = {}) =>
  createConversations(db.database).receive(tenantId, 0, {
    providerId: `m${nextMessage++}`,
    phone,
    kind: 'text',
    body: 'Hola, vi el anuncio',
    sentAt: new Date(),
    profileName: 'Lu',
    referral: { adId: '9', clickId: 'clid-1' },
    ...given,
  });
const people = async () =>
  (await createLeadPages(db.database).list(tenantId, { q: '', status: undefined, page: 1 })).rows;
const whole = async (leadId = '') => createLeadPages(db.database).byId(tenantId, leadId);
const clicks = () =>
  db.database.inTenant(tenantId, (tx) =>
    tx.any(
      sql.type(
        z.object({
          lead_id: z.string(),
          ad_id: z.string().nullable(),
          campaign: z.string().nullable(),
          account: z.string().nullable(),
          click_id: z.string().nullable(),
        }),
      )`SELECT lead_id, ad_id, meta_campaign_id AS campaign, ad_account_id AS account, click_id FROM lead_touches WHERE kind = 'click_to_whatsapp'`,
    ),
  );

describe('Somebody who writes from an ad', () => {
  it('is a new lead of that ad, with what they wrote', async () => {
    await createCampaigns(db.database).saveAds(tenantId, [ad]);
    expect(await write()).toMatchObject({ isNew: true, newLeadId: expect.any(String) });
    const [lead] = await people();
    expect(lead).toMatchObject({ full_name: 'Lu', phone, status: 'new', campaign_name: 'Implantes' });
    expect(await clicks()).toEqual([
      { lead_id: lead?.id, ad_id: '9', campaign: '200', account: '100', click_id: 'clid-1' },
    ]);
    expect((await whole(lead?.id)).messages.map(({ body }) => body)).toEqual(['Hola, vi el anuncio']);
  });

  it('is the lead that is known by that number, who comes first in the list again', async () => {
    const known = await aLead(db, tenantId, { phone });
    await aLead(db, tenantId, { phone: '+5491155550188' });
    expect(await write()).toMatchObject({ newLeadId: null });
    const rows = await people();
    expect(rows.map(({ id, is_repeat }) => [id === known, is_repeat])).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(await clicks()).toMatchObject([{ lead_id: known }]);
  });

  it('counts once for a message that comes twice, and once for each click', async () => {
    await write({ providerId: `same-${tenantId}` });
    await write({ providerId: `same-${tenantId}` });
    expect([(await people()).length, (await clicks()).length]).toEqual([1, 1]);
    await write();
    expect([(await people()).length, (await clicks()).length]).toEqual([1, 2]);
  });

  it('is one lead also when two first messages come at once', async () => {
    await Promise.all(Array.from({ length: 6 }, () => db.database.pool.query(sql.unsafe`SELECT pg_sleep(0.1)`)));
    await Promise.all(Array.from({ length: 6 }, () => write()));
    expect([(await people()).length, (await clicks()).length]).toEqual([1, 6]);
  });

  it('counts for the campaign as soon as the ad is copied', async () => {
    await write();
    expect(await clicks()).toMatchObject([{ ad_id: '9', campaign: null }]);
    await createCampaigns(db.database).saveAds(tenantId, [ad]);
    expect(await clicks()).toMatchObject([{ ad_id: '9', campaign: '200', account: '100' }]);
  });

  it('without a number, or from no ad at all, is no lead', async () => {
    await write({ phone: null });
    await write({ referral: null });
    await write({ kind: 'system' });
    expect(await people()).toEqual([]);
  });
});
