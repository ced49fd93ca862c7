import { sql } from 'slonik';
import { beforeEach, describe, expect, it } from 'vitest';
import { CHECKS } from '../domain/connection-checks.ts';
import { app, bench, connect, db, fullestLimit, person, tenantId, WEBHOOK_URL } from '../test/connection-pages.ts';
import { textOf } from '../test/html.ts';
import { loadWords } from './i18n.ts';

const examine = async () => {
  const reply = await person.post('/crm/connection/checks');
  return { status: reply.status, page: textOf(await (await person.get('/crm/connection')).text()) };
};
const found = async () => {
  const checkUp = await app.stores.connectionChecks.last(tenantId);
  return Object.fromEntries(
    (checkUp?.findings ?? []).map(({ check, verdict, reason }) => [check, `${verdict}:${reason}`]),
  );
};
const pageOf = async () => (await app.stores.pages.listForTenant(tenantId))[0] ?? { pageId: '', name: '' };

beforeEach(async () => {
  fullestLimit.ratio = 0.2;
  await bench.control('reset', {});
  await bench.control('app', { callback_url: WEBHOOK_URL, verify: false });
});

describe('The check-up of a connection', () => {
  it('asks twelve things, changes nothing, and says of each that it is in order', async () => {
    await connect();
    const { calls } = await bench.control<{ calls: { method: string }[] }>('ledger');
    const { status, page } = await examine();
    expect(status).toBe(303);
    expect(page).toContain('Everything that can be asked is in order.');
    const after = (await bench.control<{ calls: { method: string }[] }>('ledger')).calls.slice(calls.length);
    expect(after.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(Object.keys(await found()).sort()).toEqual([...CHECKS].sort());
    expect(Object.values(await found()).filter((each) => !/^(ok|unknown):/.test(each))).toEqual([]);
  });

  it('names the page whose role was lost, and how to get it back', async () => {
    await connect();
    const { pageId, name } = await pageOf();
    const { tasks } = bench.simulator.world.byId.get(pageId) as unknown as { tasks: string[] };
    await bench.control('objects', { id: pageId, tasks: ['ANALYZE'] });
    const { page } = await examine();
    await bench.control('objects', { id: pageId, tasks });
    expect(await found()).toMatchObject({ page_roles: 'bad:task_missing' });
    expect(page).toContain(`No role on: ${name}.`);
    expect(page).toContain('Meta Business Suite → Settings');
  });

  it.each([
    [
      'Leads Access closed',
      { match: { path: '/PAGE/leadgen_forms' }, kind: 'code', value: 10 },
      { leads_access: 'bad:refused' },
    ],
    [
      'a page that is not subscribed',
      { match: { path: '/PAGE/subscribed_apps' }, kind: 'code', value: 200 },
      { subscriptions: 'bad:refused' },
    ],
    [
      'accounts that cannot be listed',
      { match: { path: '/me/adaccounts' }, kind: 'code', value: 200 },
      { ad_accounts: 'bad:refused' },
    ],
    [
      'Meta out of order for one question',
      { match: { path: '/me/accounts' }, kind: 'status', value: 503 },
      { page_roles: 'unknown:no_answer' },
    ],
  ])('tells %s apart, and the other checks go on', async (_, fault, wanted) => {
    await connect();
    const { pageId } = await pageOf();
    await bench.control('faults', { ...fault, match: { path: fault.match.path.replace('PAGE', pageId) } });
    await examine();
    expect(await found()).toMatchObject({ token: 'ok:valid', version: 'ok:same', ...wanted });
  });

  it('finds a callback that points elsewhere, and limits that are nearly used up', async () => {
    await connect();
    await bench.control('app', { callback_url: 'https://other.example.com/hook', verify: false });
    fullestLimit.ratio = 0.97;
    const { page } = await examine();
    expect(await found()).toMatchObject({ webhook: 'bad:elsewhere', usage: 'bad:stopped' });
    expect(page).toContain(`changes the address to ${WEBHOOK_URL}`);
  });

  it('tells how the last lead came', async () => {
    await connect();
    await db.database.inTenant(tenantId, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO leads (tenant_id, meta_leadgen_id, full_name, recovered_at) VALUES (${tenantId}, '991', 'Lucía', now())`,
      ),
    );
    await examine();
    expect(await found()).toMatchObject({ last_lead: 'warn:recovered', app_live: 'unknown:not_told' });
  });

  it('stops at a dead token, with Meta’s reason', async () => {
    await connect();
    const { token } = await app.stores.connections.withToken(tenantId);
    await bench.control('tokens/kill', { access_token: token, subcode: 460 });
    const { page } = await examine();
    expect(await found()).toMatchObject({ token: 'bad:password_changed' });
    expect(page).toContain('changed their password');
    await bench.control('tokens/revive', { access_token: token });
  });

  it('warns as soon as Graph served another version than the configured one', async () => {
    await connect();
    const warning = 'Meta answers with another version';
    expect(textOf(await (await person.get('/crm/connection')).text())).not.toContain(warning);
    await app.stores.connections.noteCall(tenantId, 'v27.0');
    const page = textOf(await (await person.get('/crm/connection')).text());
    expect(page).toContain(`${warning} (v27.0) than the configured one (v26.0)`);
  });

  it('is forgotten with the connection it was of', async () => {
    await connect();
    const { page } = await examine();
    expect(page).toContain('Meta accepts the access.');
    await person.post('/crm/connection/disconnect');
    const after = textOf(await (await person.get('/crm/connection')).text());
    expect(after).not.toContain('Meta accepts the access.');
    expect(after).not.toContain('What is connected');
  });

  it('is refused in words while nothing is connected', async () => {
    const reply = await person.post('/crm/connection/checks');
    expect(reply.status).toBe(409);
  });

  it('has words for whatever it may find', () => {
    const { en } = loadWords();
    const doctor = (
      en['connection'] as unknown as { doctor: Record<string, Record<string, { what?: string; fix?: string }>> }
    ).doctor;
    for (const check of CHECKS) {
      const { title, ...reasons } = doctor[check] ?? {};
      expect([check, typeof title]).toEqual([check, 'string']);
      for (const [reason, { what }] of Object.entries(reasons)) expect([check, reason, what]).not.toContain(undefined);
    }
  });
});
