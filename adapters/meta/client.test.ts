import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { META_APP, metaBench } from '../../test/meta-simulator.ts';
import type { Page } from './paging.ts';

const bench = metaBench();
let token: string;
beforeAll(async () => {
  token = (await bench.control<{ access_token: string }>('tokens', {})).access_token;
});

const fault = (kind: string, path: string, given: object = {}) =>
  bench.control('faults', { kind, match: { path }, times: 1, ...given });
async function rowsOf<T>(pages: AsyncIterable<Page<T>>): Promise<{ rows: T[]; calls: number }> {
  const all = { rows: [] as T[], calls: 0 };
  for await (const { rows, calls } of pages) {
    all.rows.push(...rows);
    all.calls += calls;
  }
  return all;
}
const accountOf = (index = 0) => {
  const account = bench.simulator.world.accounts[index];
  if (account === undefined) throw new Error('no such account');
  return account;
};

describe('Signing in', () => {
  it('exchanges the code once, extends the token to two months, and learns who it is', async () => {
    const code = await bench.signIn();
    const { accessToken } = await bench.meta.exchangeCode(code);
    await expect(bench.meta.exchangeCode(code)).rejects.toMatchObject({ code: 'invalid' });
    const long = await bench.meta.extend(accessToken);
    const state = await bench.meta.inspect(long.accessToken);
    expect(state).toMatchObject({ isValid: true, kind: 'USER', metaUserId: bench.simulator.world.users[0]?.id });
    expect(state.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 50 * 86_400_000);
    expect(await bench.meta.grantedScopes(long.accessToken)).toContain('leads_retrieval');
  });

  it('sends codes, secrets and tokens in forms and headers, never in an address', async () => {
    await bench.meta.extend((await bench.meta.exchangeCode(await bench.signIn())).accessToken);
    const { calls } = await bench.control<{ calls: { method: string; path: string }[] }>('ledger');
    const exchanges = calls.filter(({ path }) => path.includes('oauth/access_token'));
    expect(exchanges.length).toBeGreaterThan(0);
    expect(exchanges.every(({ method }) => method === 'POST')).toBe(true);
  });

  it('proves a code verifier where one was announced', async () => {
    const verifier = 'v'.repeat(43);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const code = await bench.signIn({ challenge });
    await expect(bench.meta.exchangeCode(code, { codeVerifier: verifier })).resolves.toMatchObject({
      tokenType: 'bearer',
    });
  });

  it('shows declined scopes as not granted', async () => {
    const code = await bench.signIn({ declined: ['leads_retrieval'] });
    const { accessToken } = await bench.meta.exchangeCode(code);
    expect(await bench.meta.grantedScopes(accessToken)).not.toContain('leads_retrieval');
    await bench.signIn({ rerequest: true }); // grants it again: without it Meta does not even ask
  });

  it('takes a wrong app secret for our mistake, not for an outage', async () => {
    const wrong = bench.freshClient({ appSecret: 'wrong' });
    await expect(wrong.exchangeCode(await bench.signIn())).rejects.toMatchObject({ code: 'misconfigured' });
    await expect(wrong.businesses(token)).rejects.toMatchObject({ code: 'misconfigured' });
  });

  it('tells a dead token by its subcode', async () => {
    const mortal = (await bench.control<{ access_token: string }>('tokens', {})).access_token;
    await bench.control('tokens/kill', { access_token: mortal, subcode: 460 });
    expect(await bench.meta.inspect(mortal)).toMatchObject({ isValid: false, subcode: 460 });
    await expect(bench.meta.businesses(mortal)).rejects.toMatchObject({
      code: 'reconnect_required',
      details: { subcode: 460 },
    });
  });
});

describe('What a person reaches', () => {
  it('merges owned, client and personal ad accounts by id', async () => {
    const businesses = await bench.meta.businesses(token);
    expect(businesses.length).toBe(bench.simulator.world.businesses.length);
    const [business] = bench.simulator.world.businesses;
    const accounts = await bench.meta.adAccounts(token, business?.id ?? '');
    const expected = [...(business?.ownedAccounts ?? []), ...(business?.clientAccounts ?? [])].map((id) =>
      id.replace('act_', ''),
    );
    expect(accounts.map(({ adAccountId }) => adAccountId).sort()).toEqual([...new Set(expected)].sort());
    expect(accounts[0]).toMatchObject({ status: expect.any(Number), currency: expect.stringMatching(/^[A-Z]{3}$/) });
  });

  it('reads pages with their tasks and a token of their own, and subscribes them to leads', async () => {
    const [page] = (await bench.meta.pages(token)).filter(({ tasks }) => tasks.includes('MANAGE'));
    expect(page?.accessToken).toEqual(expect.any(String));
    const [pageToken, pageId] = [page?.accessToken ?? '', page?.pageId ?? ''];
    await bench.meta.subscribe(pageToken, pageId);
    expect(await bench.meta.subscriptions(pageToken, pageId)).toEqual([{ appId: META_APP.appId, fields: ['leadgen'] }]);
    await bench.meta.unsubscribe(pageToken, pageId);
    expect(await bench.meta.subscriptions(pageToken, pageId)).toEqual([]);
  });
});

describe('Campaigns and figures', () => {
  it('reads every campaign, ad set and ad of an account in one call each', async () => {
    const { accountId } = accountOf();
    const { rows, calls } = await rowsOf(bench.meta.campaigns(token, accountId));
    const expected = bench.simulator.world.campaigns.filter((campaign) => campaign.accountId === accountOf().id);
    expect(rows.map(({ campaignId }) => campaignId).sort()).toEqual(expected.map(({ id }) => id).sort());
    expect(calls).toBe(1);
    const ads = await rowsOf(bench.meta.ads(token, accountId));
    expect(ads.calls).toBe(1);
    expect(ads.rows[0]?.creative?.thumbnailUrl).toMatch(/^http/);
    expect((await rowsOf(bench.meta.adsets(token, accountId))).rows.length).toBeGreaterThan(0);
  });

  it("adds campaign days up to Meta's own total, to the cent", async () => {
    const account = accountOf();
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: account.timeZone }).format(new Date());
    const since = new Date(Date.parse(today) - 27 * 86_400_000).toISOString().slice(0, 10);
    const { rows } = await rowsOf(bench.meta.campaignDays(token, account.accountId, { since, until: today }));
    const cents = rows.reduce((sum, { spend }) => sum + Math.round(Number(spend) * 100), 0);
    const totals = await bench.control<{ spend: string; impressions: number | string }>(
      `totals?account=${account.id}&since=${since}&until=${today}`,
    );
    expect(cents).toBe(Math.round(Number(totals.spend) * 100));
    expect(new Set(rows.map(({ campaignId, date }) => `${campaignId}:${date}`)).size).toBe(rows.length);
  });

  it('goes on past an empty page in the middle', async () => {
    await fault('empty_page', `/act_${accountOf().accountId}/campaigns`);
    const { rows } = await rowsOf(bench.meta.campaigns(token, accountOf().accountId));
    expect(rows.length).toBeGreaterThan(0);
  });

  it('asks for half as much when Meta asks to reduce the data', async () => {
    await fault('code', `/act_${accountOf().accountId}/ads`, { value: 1, subcode: 99 });
    const { rows, calls } = await rowsOf(bench.meta.ads(token, accountOf().accountId));
    expect(rows.length).toBeGreaterThan(0);
    expect(calls).toBeGreaterThanOrEqual(2);
  });
});

describe('Trouble', () => {
  const path = '/me/businesses';
  it.each([
    ['a page of HTML', 'html', {}],
    ['a lost connection', 'cut_before', {}],
    ['half a body', 'truncate', {}],
    ['a bare 503', 'status', { value: 503 }],
    ['code 2', 'code', { value: 2 }],
  ])('calls %s an outage', async (_title, kind, given) => {
    await fault(kind, path, given);
    await expect(bench.meta.businesses(token)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(bench.meta.businesses(token)).resolves.not.toHaveLength(0);
  });

  it('finds the error inside a 200', async () => {
    await fault('error_in_200', path);
    await expect(bench.meta.businesses(token)).rejects.toMatchObject({ name: 'AppError' });
  });

  it('gives up at its deadline without naming the address', async () => {
    await fault('slow', '/debug_token', { value: 200 });
    const impatient = bench.freshClient({ deadlineMs: 50 });
    const error = await impatient.inspect('EAAsecret').catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'unavailable', details: { why: 'deadline' } });
    expect(JSON.stringify(error)).not.toContain('EAAsecret');
  });

  it('closes the gate of a throttled account, and of no other', async () => {
    const client = bench.freshClient();
    const [first, second] = [accountOf(0).accountId, accountOf(1).accountId];
    await fault('code', `/act_${first}`, { value: 80004, subcode: 2446079 });
    const throttled = { code: 'rate_limited', retryAfterMs: expect.any(Number) };
    await expect(client.adAccount(token, first)).rejects.toMatchObject(throttled);
    await expect(client.adAccount(token, first)).rejects.toMatchObject({ ...throttled, details: { gate: true } });
    await expect(client.adAccount(token, second)).resolves.toMatchObject({ adAccountId: second });
  });

  it('does not delay leads when the app has used up its limit', async () => {
    const client = bench.freshClient();
    await fault('code', '/me/businesses', { value: 4 });
    await expect(client.businesses(token)).rejects.toMatchObject({ code: 'rate_limited' });
    await expect(client.adAccount(token, accountOf().accountId)).rejects.toMatchObject({ details: { gate: true } });
    await expect(client.readLead(token, '733999999999999', { pageId: '1' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('stops by itself near the limit and shows the usage as a metric', async () => {
    const client = bench.freshClient();
    const { accountId } = accountOf(2);
    await fault('usage', `/act_${accountId}`, { value: 97, type: 'ads_management', regainMinutes: 3 });
    await client.adAccount(token, accountId);
    const refusal = await client.adAccount(token, accountId).catch((error: { retryAfterMs: number }) => error);
    expect(refusal).toMatchObject({ code: 'rate_limited' });
    expect(await bench.metrics.registry.metrics()).toMatch(/hub_meta_usage_ratio\{[^}]*\} 0\.97/);
  });

  it('notices that Graph serves another version than the configured one', async () => {
    const differs = async () => (await bench.metrics.metaVersionDiffers.get()).values[0]?.value;
    await bench.freshClient().businesses(token);
    expect(await differs()).toBe(0);
    await bench.freshClient({ version: 'v19.0' }).businesses(token);
    expect(await differs()).toBe(1);
  });

  it('counts every call by endpoint and outcome', async () => {
    expect(await bench.metrics.registry.metrics()).toContain(
      'hub_meta_calls_total{endpoint="businesses",outcome="ok"}',
    );
  });
});

describe('Leads', () => {
  it('reads a lead with its answers and where it came from', async () => {
    const { leadgen_ids } = await bench.control<{ leadgen_ids: string[] }>('leads', {
      deliver: false,
      form_id: bench.simulator.world.forms[0]?.id,
    });
    const lead = await bench.meta.readLead(token, leadgen_ids[0] ?? '');
    expect(lead).toMatchObject({ leadgenId: leadgen_ids[0], isOrganic: false });
    expect(lead.campaignId).toMatch(/^\d+$/);
    expect(lead.fieldData.map(({ name }) => name)).toContain('phone_number');
    expect(Math.abs(lead.createdAt.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('reads an organic lead without a campaign', async () => {
    const { leadgen_ids } = await bench.control<{ leadgen_ids: string[] }>('leads', {
      deliver: false,
      organic: true,
      form_id: bench.simulator.world.forms[0]?.id,
    });
    expect(await bench.meta.readLead(token, leadgen_ids[0] ?? '')).toMatchObject({
      isOrganic: true,
      adId: null,
      campaignId: null,
    });
  });

  it('does not find a lead that is not visible yet, nor one that never was', async () => {
    await expect(bench.meta.readLead(token, '733999999999999')).rejects.toMatchObject({ code: 'not_found' });
  });

  it("lists a page's forms with Meta's count and the leads of a form", async () => {
    const form = bench.simulator.world.forms[0];
    const page = (await bench.meta.pages(token)).find(({ pageId }) => pageId === form?.pageId);
    const { rows } = await rowsOf(bench.meta.leadForms(page?.accessToken ?? '', page?.pageId ?? ''));
    const count = rows.find(({ formId }) => formId === form?.id)?.leadsCount;
    const since = new Date(Date.now() - 90 * 86_400_000);
    const leads = await rowsOf(
      bench.meta.formLeads(page?.accessToken ?? '', form?.id ?? '', { since, pageId: page?.pageId ?? '' }),
    );
    expect(leads.rows.length).toBe(count);
  });
});
