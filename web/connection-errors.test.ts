import { beforeEach, describe, expect, it } from 'vitest';
import { system } from '../domain/actor.ts';
import {
  app,
  bench,
  locationOf,
  person,
  signedIn,
  tenantId,
  trouble,
  valuesOf,
  workflows,
} from '../test/connection-pages.ts';
import { textOf } from '../test/html.ts';
import { loadWords } from './i18n.ts';

type Words = Record<string, Record<'what' | 'todo', string>>;
const words = loadWords();
const problems = { es: words.es['connection'], en: words.en['connection'] } as unknown as Record<
  'es' | 'en',
  { problem: Words; pageProblem: Record<string, string>; accountState: Record<string, string> }
>;

const speak = (locale: 'es' | 'en') => app.stores.users.saveLocale(tenantId, person.userId, locale, system('test'));
const pageAt = async (path: string, locale: 'es' | 'en') => {
  await speak(locale);
  return textOf(await (await person.get(path)).text());
};
/** What stands on a page about a problem, in both languages. */
async function saysBoth(path: string, code: string): Promise<void> {
  for (const locale of ['es', 'en'] as const) {
    const { what, todo } = problems[locale].problem[code] ?? { what: '?', todo: '?' };
    const page = await pageAt(path, locale);
    expect(page).toContain(what.split('{{')[0]);
    expect(page).toContain(todo);
  }
}

async function comeBackWith(query: Record<string, string>): Promise<string> {
  const dialog = locationOf(await person.post('/crm/connection/attempts'));
  const state = new URL(dialog).searchParams.get('state') ?? '';
  return locationOf(await person.get(`/crm/auth/meta/callback?${new URLSearchParams({ ...query, state })}`));
}

const fault = (path: string, kind: string, value: number, more: object = {}) =>
  bench.control('faults', { match: { path }, kind, value, ...more });

beforeEach(() => bench.control('reset', {}));

describe('Each thing that can go wrong has its words, in both languages', () => {
  it.each([
    ['cancelled', { error: 'access_denied', error_reason: 'user_denied' }, 'access_denied'],
    [
      'an address that is not allowed',
      { error_code: '191', error_message: 'The redirect_uri URL must be absolute' },
      'redirect_invalid',
    ],
    [
      'an app in development mode',
      { error_code: '200', error_message: 'App not active: This app is in development mode' },
      'app_unavailable',
    ],
    ['an error of Meta’s own', { error_code: '2', error_message: 'An unexpected error' }, 'dialog_failed'],
  ])('%s', async (_, query, code) => {
    await saysBoth(await comeBackWith(query), code);
  });

  it('a declined permission, by name, with the way to ask again', async () => {
    const wizard = await signedIn(['leads_retrieval']);
    await saysBoth(wizard, 'scopes_missing');
    expect(await pageAt(wizard, 'es')).toContain('leads_retrieval');
  });

  it('a person of no business', async () => {
    const person = bench.simulator.world.users.find(({ businesses, systemOf }) => businesses.length === 0 && !systemOf);
    await saysBoth(await signedIn([], person?.id), 'no_businesses');
  });

  it('no ad account, and a page without the task', async () => {
    const wizard = await signedIn();
    await person.post(`${wizard}/business`, { business_id: '' });
    await fault('/me/adaccounts', 'empty_page', 0);
    await person.post(`${wizard}/business`, { business_id: '' });
    await saysBoth(`${wizard}?step=assets`, 'no_accounts');
    for (const locale of ['es', 'en'] as const)
      expect(await pageAt(`${wizard}?step=assets`, locale)).toContain(problems[locale].pageProblem['task_missing']);
  });

  it('an account that Meta disabled', async () => {
    const account = bench.simulator.world.accounts[0];
    const before = account?.status;
    await bench.control('objects', { id: account?.id, account_status: 2 });
    const wizard = await signedIn();
    const [business] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
    await person.post(`${wizard}/business`, { business_id: business ?? '' });
    for (const locale of ['es', 'en'] as const)
      expect(await pageAt(`${wizard}?step=assets`, locale)).toContain(problems[locale].accountState['disabled']);
    await bench.control('objects', { id: account?.id, account_status: before });
  });

  it.each([
    ['throttled', 'code', 17, 'rate_limited'],
    ['Meta down', 'status', 503, 'unavailable'],
    ['HTML instead of JSON', 'html', 502, 'unavailable'],
    ['a policy block', 'code', 368, 'forbidden'],
    ['a token that died on the way', 'code', 190, 'reconnect_required'],
  ])('%s', async (_, kind, value, code) => {
    const wizard = await signedIn();
    await fault('/me/accounts', kind, value);
    for (const locale of ['es', 'en'] as const) {
      await speak(locale);
      const reply = await person.post(`${wizard}/business`, { business_id: '' });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      const { what, todo } = problems[locale].problem[code] ?? { what: '?', todo: '?' };
      const page = textOf(await reply.text());
      expect(page).toContain(what);
      expect(page).toContain(todo);
    }
  });

  it('a page that Leads Access shuts', async () => {
    const wizard = await signedIn();
    const [business] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
    await person.post(`${wizard}/business`, { business_id: business ?? '' });
    const assets = await (await person.get(wizard)).text();
    const [pageId = ''] = valuesOf(assets, 'page_id');
    await person.post(`${wizard}/assets`, { ad_account_id: valuesOf(assets, 'ad_account_id'), page_id: [pageId] });
    await fault(`/${pageId}/subscribed_apps`, 'code', 200);
    for (const locale of ['es', 'en'] as const) {
      await speak(locale);
      const page = textOf(await (await person.post(`${wizard}/confirmation`)).text());
      expect(page).toContain(problems[locale].problem['permission_missing']?.todo);
    }
  });

  it('a code that Meta does not accept any more', async () => {
    const dialog = locationOf(await person.post('/crm/connection/attempts'));
    const attemptId = new URL(dialog).searchParams.get('state')?.split('.')[0] ?? '';
    const state = new URL(dialog).searchParams.get('state') ?? '';
    await person.get(`/crm/auth/meta/callback?${new URLSearchParams({ code: 'used', state })}`);
    await expect(workflows.deliverOauthReturned(tenantId, attemptId)).rejects.toMatchObject({ code: 'invalid' });
    expect(trouble.failNext).toBeNull();
  });
});
