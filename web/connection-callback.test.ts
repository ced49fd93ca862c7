import { describe, expect, it } from 'vitest';
import { app, atMeta, db, locationOf, person, signals, signedIn, tenantId, trouble } from '../test/connection-pages.ts';
import { aTenant } from '../test/database.ts';
import { META_APP } from '../test/meta-simulator.ts';
import { aPerson } from '../test/person.ts';

describe('Coming back from Meta', () => {
  it('says that access was not granted when Cancel was pressed', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const wizard = locationOf(await person.get(await atMeta(dialog, 'cancel')));
    const page = await (await person.get(wizard)).text();
    expect(page).toContain('Access was not granted');
    expect(page).toContain('Start again');
  });

  it('names a declined permission and asks for it again', async () => {
    const wizard = await signedIn(['leads_retrieval']);
    const page = await (await person.get(wizard)).text();
    expect(page).toContain('Read leads');
    expect(page).toContain('name="rerequest" value="1"');
    const again = locationOf(await person.post('/crm/connection/attempts', { rerequest: '1' }));
    expect(new URL(again).searchParams.get('auth_type')).toBe('rerequest');
  });

  it('shows the same result when the browser loads the callback twice', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    const first = locationOf(await person.get(callback));
    expect(locationOf(await person.get(callback))).toBe(first);
    expect(signals).toEqual(['nudge']);
  });

  it('works while Temporal is down: the code is parked and due', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    trouble.temporalIsDown = true;
    const reply = await person.get(await atMeta(dialog));
    expect(reply.status).toBe(303);
    const { status } = await app.stores.oauthAttempts.byId(tenantId, locationOf(reply).split('/').at(-1) ?? '');
    expect(status).toBe('returned');
  });

  it.each([
    ['an invented state', (_callback: string) => '/crm/auth/meta/callback?code=x&state=y'],
    ['a state whose end was changed', (callback: string) => callback.replace(/(state=[^&]*)[^&]/, '$1_')],
    ['no state', (_callback: string) => '/crm/auth/meta/callback?code=x'],
  ])('refuses %s and saves nothing', async (_title, forge) => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const attemptId = new URL(dialog).searchParams.get('state')?.split('.')[0] ?? '';
    const reply = await person.get(forge(await atMeta(dialog)));
    expect(reply.status).toBe(403);
    expect(await reply.text()).toContain('does not belong to you');
    expect((await app.stores.oauthAttempts.byId(tenantId, attemptId)).status).toBe('started');
  });

  it('refuses a link that another browser started', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const victim = await aPerson(app, db, await aTenant(db));
    expect((await victim.get(await atMeta(dialog))).status).toBe(403);
  });

  it.each([
    ['another account', () => aTenant(db)],
    ['a colleague', async () => tenantId],
  ])('refuses a return into a browser where %s signed in meanwhile', async (_who, tenantOf) => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    const other = await aPerson(app, db, await tenantOf());
    for (const [name, value] of person.cookies) if (name.startsWith('hub_oauth_')) other.cookies.set(name, value);
    expect((await other.get(callback)).status).toBe(403);
    expect((await person.get(callback)).status).toBe(303);
  });

  it('refuses a binding that we did not sign', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const callback = await atMeta(dialog);
    for (const name of person.cookies.keys())
      if (name.startsWith('hub_oauth_')) person.cookies.set(name, `${tenantId}.${person.userId}.${'A'.repeat(43)}`);
    expect((await person.get(callback)).status).toBe(403);
  });

  it("shows a stranger nothing of another tenant's sign-in", async () => {
    const wizard = await signedIn();
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.get(wizard)).status).toBe(404);
  });

  it('keeps code and secret out of every page and address', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    expect(dialog).not.toContain(META_APP.appSecret);
    const callback = await atMeta(dialog);
    const code = new URLSearchParams(callback.split('?')[1]).get('code') ?? '-';
    const wizard = locationOf(await person.get(callback));
    expect(wizard).not.toContain(code);
    expect(await (await person.get(wizard)).text()).not.toContain(code);
  });

  it('answers 503 on the button while Temporal is down', async () => {
    trouble.temporalIsDown = true;
    expect((await person.post('/crm/connection/attempts')).status).toBe(503);
  });
});
