import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiveTopic } from '../domain/live.ts';
import { aLead, aMessage } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';

let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let person: Person;
let [first, second] = ['', ''];

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db);
});
beforeEach(async () => {
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
  first = await aLead(db, tenantId, { name: 'Ana Ríos', phone: '+5491155550101', email: 'ana@example.com' });
  second = await aLead(db, tenantId, {
    name: 'Anita <b>Ríos</b>',
    phone: '+5491155550202',
    email: 'ana@example.com',
    answers: [{ name: '¿Cuándo?', values: ['mañana'] }],
  });
});

const page = async (leadId: string) => (await person.get(`/crm/leads/${leadId}`)).text();
const mergeOn = (html: string) => /data-merge="([^"]+)"/.exec(html)?.[1] ?? '';
const lookalikesOn = (html: string) => [...html.matchAll(/data-lookalike="([^"]+)"/g)].map(([, id]) => id);
const join = (into: string, other: string) => person.post(`/crm/leads/${into}/merges`, { lead_id: other });

const distinctOn = (html: string) => [...html.matchAll(/data-distinct="([^"]+)"/g)].map(([, id]) => id);
const tellApart = (lead: string, other: string, who = person) =>
  who.post(`/crm/leads/${lead}/distinctions`, { lead_id: other });
const offerAgain = (lead: string, other: string, who = person) =>
  who.post(`/crm/leads/${lead}/distinctions/${other}/removal`);

describe('Alike, but someone else', () => {
  it('is suggested no more on either page, once and for all submissions to come, until somebody takes it back', async () => {
    expect((await tellApart(first, second)).headers.get('location')).toBe(`/crm/leads/${first}#identidad`);
    await tellApart(second, first);
    for (const [lead, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const html = await page(lead);
      expect([lookalikesOn(html), distinctOn(html)]).toEqual([[], [other]]);
    }
    const third = await aLead(db, tenantId, { name: 'Ana', phone: '+5491155550303', email: 'ana@example.com' });
    expect(lookalikesOn(await page(first))).toEqual([third]);
    await offerAgain(second, first);
    expect(lookalikesOn(await page(first)).sort()).toEqual([second, third].sort());
    const changes = await app.stores.systemEvents.changesOf(tenantId, { type: 'lead', id: first });
    expect(changes.map(({ name, actor_type }) => [name, actor_type])).toEqual([
      ['lead.perhaps_alike', 'user'],
      ['lead.told_apart', 'user'],
    ]);
  });

  it('can still be joined, and is nobody else’s to say', async () => {
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await tellApart(first, second, stranger)).status).toBe(404);
    await tellApart(first, second);
    expect((await offerAgain(first, second, stranger)).status).toBe(404);
    expect((await offerAgain(first, first)).status).toBe(404);
    expect((await join(first, second)).status).toBe(303);
    expect(distinctOn(await page(first))).toEqual([]);
  });
});

describe('Perhaps the same person', () => {
  it('is offered on the lead’s page, joined with a press, and told to open pages', async () => {
    expect(lookalikesOn(await page(first))).toEqual([second]);
    const heard: LiveTopic[] = [];
    const stop = app.live.subscribe(tenantId, (topic) => heard.push(topic));
    const reply = await join(first, second);
    stop();
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/leads/${first}#identidad`]);
    expect(heard).toEqual(['leads']);
    const html = await page(first);
    expect(lookalikesOn(html)).toEqual([]);
    expect(textOf(html)).toMatch(
      /Anita <b>Ríos<\/b> Joined by hand \+5491155550202 · ana@example\.com .*¿Cuándo\? mañana/,
    );
    expect(textOf(html)).toContain('Joined with another submission of the same person');
    expect(html).not.toContain('<b>Ríos</b>');
  });

  it('leads from the one that went to the one that stayed, and is separated again', async () => {
    await aMessage(db, tenantId, second, { body: 'Hola, soy Anita' });
    await join(first, second);
    expect((await person.get(`/crm/leads/${second}`)).headers.get('location')).toBe(`/crm/leads/${first}#identidad`);
    const html = await page(first);
    expect(textOf(html)).toContain('Hola, soy Anita');
    const reply = await person.post(`/crm/leads/${first}/merges/${mergeOn(html)}/separation`);
    expect([reply.status, reply.headers.get('location')]).toEqual([303, `/crm/leads/${second}`]);
    expect(textOf(await page(second))).toContain('Hola, soy Anita');
    expect(textOf(await page(first))).toMatch(/Separated from another lead/);
    expect((await app.stores.leadPages.byId(tenantId, first)).messages).toEqual([]);
  });

  it('is no matter of strangers, and of nothing that there is not', async () => {
    await join(first, second);
    const mergeId = mergeOn(await page(first));
    const stranger = await aPerson(app, db, await aTenant(db));
    expect((await stranger.post(`/crm/leads/${first}/merges/${mergeId}/separation`)).status).toBe(404);
    expect((await stranger.post(`/crm/leads/${first}/merges`, { lead_id: second })).status).toBe(404);
    expect((await join(first, 'x')).status).toBe(404);
    expect((await join(first, second)).status).toBe(409);
    expect((await person.post(`/crm/leads/${first}/merges/x/separation`)).status).toBe(404);
  });
});
