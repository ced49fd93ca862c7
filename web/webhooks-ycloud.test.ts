import { sql } from 'slonik';
import { describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import { aTenant } from '../test/database.ts';
import { webhookBench } from '../test/webhooks.ts';

const { bench, rows, rowsWith, postYcloud } = webhookBench();

describe("YCloud's webhook", () => {
  const status = (id: string, given: object = {}) => ({
    id,
    type: 'whatsapp.message.updated',
    whatsappMessage: { id: `m-${id}`, wabaId: '900', from: '+541155550009', status: 'sent', ...given },
  });

  async function aSender(wabaId: string, phone: string): Promise<number> {
    const tenantId = await aTenant(bench.db);
    await bench.db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO whatsapp_senders (tenant_id, waba_id, phone) VALUES (${tenantId}, ${wabaId}, ${phone})`,
      ),
    );
    return tenantId;
  }

  it('routes the global address by account, then by number', async () => {
    const one = await aSender('900', '+541155550009');
    const two = await aSender('900', '+541155550010');
    await postYcloud(status('evt_a'));
    await postYcloud(status('evt_b', { from: '+541155550010' }));
    expect((await rowsWith('evt_a')).map((row) => row.tenant_id)).toEqual([one]);
    expect((await rowsWith('evt_b')).map((row) => row.tenant_id)).toEqual([two]);
  });

  it('keeps an event of an unknown account as an orphan', async () => {
    await postYcloud(status('evt_c', { wabaId: '777', from: '+541155550777' }));
    expect(await rowsWith('evt_c')).toMatchObject([{ dedupe_key: 'ycloud:0:evt_c', state: 'orphan', tenant_id: null }]);
  });

  it('applies an unsubscribe without a number of ours to every tenant on the global key', async () => {
    const tenantId = await aSender('901', '+541155550011');
    await postYcloud({
      id: 'evt_d',
      type: 'contact.unsubscribe.created',
      unsubscriberChanged: { phoneNumber: '+5491155550123', source: 'API' },
    });
    expect((await rowsWith('evt_d')).map((row) => row.tenant_id)).toContain(tenantId);
  });

  it('gives a message that names no number of ours to nobody', async () => {
    const message = { id: 'm-in', from: '+5491155550123', type: 'text', text: { body: 'Hola' } };
    await postYcloud({ id: 'evt_d2', type: 'whatsapp.inbound_message.received', whatsappInboundMessage: message });
    expect(await rowsWith('evt_d2')).toMatchObject([{ state: 'orphan', tenant_id: null }]);
  });

  it("verifies a tenant's address with that tenant's secrets, and acts inside that tenant whatever the body names", async () => {
    const tenantId = await aTenant(bench.db);
    const path = `/webhook/ycloud/${tenantId}`;
    expect((await postYcloud(status('evt_e'), { path, secret: 'whsec_own' })).status).toBe(401); // no secret of its own: refuses everything
    await bench.app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret', 'whsec_own', system('test'));
    await bench.app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret_previous', 'whsec_old', system('test'));
    expect((await postYcloud(status('evt_e'), { path, secret: 'whsec_own' })).status).toBe(200);
    expect((await postYcloud(status('evt_f'), { path, secret: 'whsec_old' })).status).toBe(200);
    expect((await postYcloud(status('evt_g'), { path })).status).toBe(401);
    expect((await rowsWith('evt_e')).map((row) => row.tenant_id)).toEqual([tenantId]);
  });

  it('keeps an event without an id once in each tenant that it was sent to, whatever another was sent', async () => {
    const stop = { type: 'contact.unsubscribe.created', unsubscriberChanged: { phoneNumber: '+5491155550188' } };
    const tenants = [await aTenant(bench.db), await aTenant(bench.db)];
    for (const tenantId of [...tenants, ...tenants]) {
      await bench.app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret', 'whsec_own', system('test'));
      await postYcloud(stop, { path: `/webhook/ycloud/${tenantId}`, secret: 'whsec_own' });
    }
    const kept = (await rowsWith('sha256:')).filter(({ tenant_id: id }) => id !== null && tenants.includes(id));
    expect(kept.map((row) => [row.tenant_id, row.state])).toEqual(tenants.map((id) => [id, 'pending']));
  });

  it('keeps the same id with another body as a conflict', async () => {
    const tenantId = await aTenant(bench.db);
    await bench.app.stores.credentials.save(tenantId, 'ycloud', 'webhook_secret', 'whsec_own', system('test'));
    const options = { path: `/webhook/ycloud/${tenantId}`, secret: 'whsec_own' };
    await postYcloud(status('evt_h'), options);
    await postYcloud(status('evt_h'), options);
    await postYcloud(status('evt_h', { status: 'failed' }), options);
    expect((await rowsWith(`ycloud:${tenantId}:evt_h`)).map((row) => row.state)).toEqual(['pending', 'conflict']);
  });

  it('keeps a conflict at the global address once in every tenant that the event went to', async () => {
    const [one, two] = [await aSender('902', '+541155550012'), await aSender('902', '+541155550012')];
    const said = status('evt_h2', { wabaId: '902', from: '+541155550012' });
    const other = status('evt_h2', { wabaId: '902', from: '+541155550012', status: 'failed' });
    for (const event of [said, said, other, other, said]) await postYcloud(event);
    expect((await rowsWith('evt_h2')).map((row) => [row.tenant_id, row.state])).toEqual([
      [one, 'pending'],
      [two, 'pending'],
      [one, 'conflict'],
      [two, 'conflict'],
    ]);
  });

  it('keeps an event whose ids no column can hold', async () => {
    const before = (await rows()).length;
    expect((await postYcloud({ id: 'e\0', type: 'x\0', whatsappMessage: { id: '\0', wabaId: '\0' } })).status).toBe(
      200,
    );
    expect((await postYcloud({ id: 'x'.repeat(5000), type: 'x'.repeat(5000) })).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(['ignored', 'ignored']);
  });

  it.each([-301, 301])('refuses a signature %d seconds away', async (seconds) => {
    expect((await postYcloud(status('evt_i'), { at: Math.floor(Date.now() / 1000) + seconds })).status).toBe(401);
  });

  it.each([
    ['nothing it knows', '{"of":"nobody"}'],
    [
      'numbers for ids',
      '{"id":98765432109876543210,"type":7,"whatsappMessage":{"id":12345678901234567890,"wabaId":9}}',
    ],
    ['halves of characters', '{"id":"evt_half","type":"whatsapp.x\\ud800","whatsappMessage":"\\udc00"}'],
    ['lists for objects', '{"id":["a"],"type":["b"],"whatsappMessage":[[]],"whatsappInboundMessage":null}'],
    ['lists a hundred thousand deep', `{"id":"evt_deep","type":"x","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('keeps %s as ignored', async (_, body) => {
    const before = (await rows()).length;
    expect((await postYcloud(body)).status).toBe(200);
    expect((await rows()).slice(before).map(({ state }) => state)).toEqual(['ignored']);
  });

  it('keeps a kind it does not use as ignored, and refuses what is no JSON object', async () => {
    expect((await postYcloud({ id: 'evt_j', type: 'whatsapp.call.ended' })).status).toBe(200);
    expect(await rowsWith('evt_j')).toMatchObject([{ state: 'ignored' }]);
    expect((await postYcloud('[1]')).status).toBe(400);
  });

  it('has no address for what is no tenant', async () => {
    expect((await postYcloud(status('evt_k'), { path: '/webhook/ycloud/1e3' })).status).toBe(404);
  });
});
