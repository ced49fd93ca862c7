import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashPassword, passwordMatches } from '../adapters/crypto/passwords.ts';
import type { Mail } from '../adapters/mail.ts';
import { createRateLimit } from '../adapters/redis/limits.ts';
import { AppError } from '../domain/error.ts';
import { type TestApp, testApp } from '../test/app.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { silentLog } from '../test/silent-log.ts';
import { auditRoutes } from './audit.ts';
import { createPasswordMails } from './password-mails.ts';
import { passwordRoutes } from './passwords.ts';
import { randomSecret } from './secrets.ts';
import { sessionRoutes } from './sessions.ts';
import { teamRoutes } from './team.ts';

const PATH = '/crm/settings/team';
let db: TestDatabase;
let app: TestApp;
let tenantId: number;
let person: Person;
let mails: Mail[];
let mailServer: 'up' | 'none' | 'down';

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ stores, config }) => {
    const mailer = {
      async send(mail: Mail) {
        if (mailServer === 'down') throw new AppError('unavailable', 'the mail server refused');
        if (mailServer === 'up') mails.push(mail);
        return mailServer === 'up';
      },
    };
    const passwordMails = createPasswordMails({ ...stores, config, mailer });
    const signInLimit = createRateLimit(undefined, 'sign-in', { points: 1000, seconds: 60 });
    return [
      ...teamRoutes({ ...stores, passwordMails }),
      { method: 'get', path: '/api/v1/me', access: 'tenant', handler: (_req, res) => void res.json({}) },
      ...auditRoutes(stores),
      ...sessionRoutes({ ...stores, config, signInLimit, passwordMatches, decoyHash: '-' }),
      ...passwordRoutes({ ...stores, passwordMails, hashPassword, signInLimit, log: silentLog }),
    ];
  });
});
beforeEach(async () => {
  [mails, mailServer] = [[], 'up'];
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId, { locale: 'en' });
});

const text = async (path: string, who = person) => textOf(await (await who.get(path)).text());
const anAddress = () => `${randomSecret().slice(0, 10).toLowerCase()}@example.com`;
const invite = (given: Record<string, string> = {}) =>
  person.post(PATH, { name: 'Noelia Paz', email: anAddress(), locale: 'es', ...given });
const memberCalled = async (name: string) =>
  (await app.stores.team.listForTenant(tenantId)).find((member) => member.name === name);
const codeIn = (words: string) => /#(\d+\.[\w-]{43})/.exec(words)?.[1] ?? '';
const post = (path: string, fields: Record<string, string>) =>
  fetch(app.url + path, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
    headers: { accept: 'text/html', 'accept-language': 'en' },
  });
const signIn = async (email: string, password: string) => (await post('/login', { email, password })).status;

describe('A person who is invited', () => {
  it('gets a mail in their language, chooses a password by its link, once, and can sign in', async () => {
    const email = anAddress();
    expect((await invite({ email })).headers.get('location')).toContain(`${PATH}?sent=`);
    const [mail] = mails;
    expect(mail).toMatchObject({ to: email, subject: 'Invitación a Marketing Hub' });
    expect(mail?.text).toContain('Hola, Noelia Paz');
    expect(await text(PATH)).toMatch(/Noelia Paz \S+ Invitation pending/);
    const code = codeIn(mail?.text ?? '');
    expect((await post('/password/new', { code, password: 'too short' })).status).toBe(422);
    const chosen = await post('/password/new', { code, password: 'una clave larga y propia' });
    expect(chosen.headers.get('location')).toBe('/login?chosen');
    expect(await signIn(email, 'una clave larga y propia')).toBe(303);
    const again = await post('/password/new', { code, password: 'otra clave larga y propia' });
    expect([again.status, textOf(await again.text()).includes('over or was used')]).toEqual([422, true]);
    expect(await text(PATH)).toMatch(/Noelia Paz \S+ Active/);
  });

  it.each(['none', 'down'] as const)('has their link handed on by hand while the mail server is %s', async (state) => {
    mailServer = state;
    const page = await (await invite()).text();
    expect(textOf(page)).toContain('Link for Noelia Paz');
    expect(codeIn(page)).toMatch(new RegExp(`^${tenantId}\\.[\\w-]{43}$`));
    expect(await (await person.get(PATH)).text()).not.toContain('/password/new#');
  });

  it('may be invited again; the link before that is over', async () => {
    await invite();
    const member = await memberCalled('Noelia Paz');
    await person.post(`${PATH}/${member?.id}/invitations`);
    const [first, second] = mails.map((mail) => codeIn(mail.text));
    expect((await post('/password/new', { code: first ?? '', password: 'una clave larga y propia' })).status).toBe(422);
    expect((await post('/password/new', { code: second ?? '', password: 'una clave larga y propia' })).status).toBe(
      303,
    );
  });

  it('needs a name and an address of their own', async () => {
    const reply = await invite({ name: '', email: 'x' });
    const page = await reply.text();
    expect(reply.status).toBe(422);
    for (const words of ['Write a name', 'Write an e-mail address']) expect(textOf(page)).toContain(words);
    expect(page).toContain('value="x"');
    const email = anAddress();
    await invite({ email });
    expect(textOf(await (await invite({ email: email.toUpperCase() })).text())).toContain('has an account already');
    expect(mails).toHaveLength(1);
  });
});

describe('Access', () => {
  it('is taken at once, sessions and links too, and can be given back', async () => {
    const other = await aPerson(app, db, tenantId);
    expect((await other.get(PATH)).status).toBe(200);
    expect(await text(`${PATH}?disable=${other.userId}`)).toContain('Remove the access of Carla Domínguez?');
    await person.post(`${PATH}/${other.userId}/absence`);
    expect((await other.get(PATH)).headers.get('location')).toContain('/login');
    expect(await text(PATH)).toContain('No access');
    await person.post(`${PATH}/${other.userId}/return`);
    expect(await text(PATH)).not.toContain('No access');
    expect((await other.get(PATH)).status).toBe(303);
  });

  it('ends for programs that carry the person’s token too', async () => {
    const other = await aPerson(app, db, tenantId);
    const token = await app.tokens.issue({ tenantId, userId: other.userId });
    const call = async () =>
      (await fetch(`${app.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await call()).toBe(200);
    await person.post(`${PATH}/${other.userId}/absence`);
    expect(await call()).toBe(401);
  });

  it('cannot be taken from oneself, nor by a stranger', async () => {
    expect((await person.post(`${PATH}/${person.userId}/absence`)).status).toBe(409);
    const stranger = await aPerson(app, db, await aTenant(db));
    for (const what of ['absence', 'return', 'invitations'])
      expect((await stranger.post(`${PATH}/${person.userId}/${what}`)).status).toBe(404);
    expect((await stranger.post(`${PATH}/${person.userId}/language`, { locale: 'es' })).status).toBe(404);
    expect(await text(PATH, stranger)).not.toContain(person.userId);
  });
});

describe('Language', () => {
  it('is kept on the person: their own switch and a colleague’s choice', async () => {
    await person.post('/language', { locale: 'es', next: PATH });
    person.cookies.delete('hub_locale');
    expect(await text(PATH)).toContain('Equipo');
    const colleague = await aPerson(app, db, tenantId, { locale: 'es' });
    await colleague.post(`${PATH}/${person.userId}/language`, { locale: 'en' });
    expect(await text(PATH)).toContain('Team');
  });
});

describe('A forgotten password', () => {
  it('is answered alike whether the address has an account or none; only an owner gets a mail', async () => {
    const email = anAddress();
    await invite({ email });
    await post('/password/new', { code: codeIn(mails[0]?.text ?? ''), password: 'la primera clave larga' });
    const answers = await Promise.all(
      [email, anAddress(), 'nonsense'].map(async (given) =>
        (await post('/password', { email: given })).headers.get('location'),
      ),
    );
    expect(new Set(answers)).toEqual(new Set(['/password?asked']));
    await expect.poll(() => mails.length).toBe(2);
    expect(mails[1]).toMatchObject({ to: email, subject: 'Elegir otra contraseña' });
    expect(
      (await post('/password/new', { code: codeIn(mails[1]?.text ?? ''), password: 'la segunda clave larga' })).status,
    ).toBe(303);
    expect(await signIn(email, 'la primera clave larga')).toBe(422);
    expect(await signIn(email, 'la segunda clave larga')).toBe(303);
  });

  it('ends every session when another is chosen', async () => {
    const { email } = await app.stores.users.byId(tenantId, person.userId);
    await post('/password', { email });
    await expect.poll(() => mails.length).toBe(1);
    await post('/password/new', { code: codeIn(mails[0]?.text ?? ''), password: 'otra clave larga y propia' });
    expect((await person.get(PATH)).status).toBe(303);
  });
});

describe('The audit trail', () => {
  it('says who did what to whom, newest first, and filters by person, topic and day', async () => {
    await invite();
    const colleague = await aPerson(app, db, tenantId);
    await colleague.post(`${PATH}/${person.userId}/language`, { locale: 'en' });
    const all = await text('/crm/audit');
    expect(all.indexOf('Changed a language')).toBeLessThan(all.indexOf('Invited somebody'));
    expect(all).toMatch(/Invited somebody .* 127\.0\.0\.0\/24 Carla Domínguez/);
    const mine = await text(`/crm/audit?who=${person.userId}&topic=people`);
    expect(mine).toContain('Invited somebody');
    expect(mine).not.toContain('Changed a language');
    expect(await text('/crm/audit?topic=whatsapp')).toContain('Nothing matches these filters');
    expect(await text('/crm/audit?who=programs')).not.toContain('Invited somebody');
    expect(await text('/crm/audit?from=2030-01-01')).toContain('Nothing matches');
    expect(await text('/crm/audit?until=2020-01-01')).toContain('Nothing matches');
    expect((await person.get('/crm/audit?from=yesterday')).status).toBe(422);
  });

  it('shows the calls of endpoints too', async () => {
    await person.get(PATH);
    await app.flushAccesses();
    expect(await text('/crm/audit?kind=access')).toMatch(/Opened the team .* 200/);
  });

  it('goes on to older rows, and shows no other tenant’s', async () => {
    for (let i = 0; i < 30; i++) await person.post('/language', { locale: i % 2 ? 'es' : 'en', next: PATH });
    for (let i = 0; i < 30; i++)
      await app.stores.team.invite(
        tenantId,
        { name: 'X', email: anAddress(), locale: 'es' },
        { type: 'system', id: 'test' },
      );
    await person.post('/language', { locale: 'en', next: PATH });
    const page = await (await person.get('/crm/audit')).text();
    const older = /href="(\/crm\/audit\?[^"]*before=[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const rows = (html: string) => html.match(/data-event=/g)?.length ?? 0;
    expect(rows(page)).toBe(50);
    expect(rows(await (await person.get(older)).text())).toBe(12);
    const stranger = await aPerson(app, db, await aTenant(db));
    expect(rows(await (await stranger.get('/crm/audit')).text())).toBe(1);
  });
});
