import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APP, type Client, startClient } from './testing.ts';
import { hmacHex } from './wire.ts';

const CALLBACK = 'http://127.0.0.1:9/crm/auth/meta/callback';
const SCOPES = 'ads_read,business_management,pages_show_list,leads_retrieval,pages_manage_metadata';

let client: Client;
beforeAll(async () => {
  client = await startClient();
});
afterAll(() => client.close());

/** Presses a button of the dialog and gives the query that came back. */
async function press(
  action: string,
  more: Record<string, string> = {},
  granted: string[] = [],
): Promise<URLSearchParams> {
  const asked = {
    client_id: APP.appId,
    redirect_uri: CALLBACK,
    state: 's-1',
    scope: SCOPES,
    response_type: 'code',
    ...more,
  };
  const form = new URLSearchParams({ ...asked, action });
  for (const scope of granted) {
    form.append('granted', scope);
  }
  const response = await fetch(`${client.url}/v26.0/dialog/oauth`, { method: 'POST', body: form, redirect: 'manual' });
  expect(response.status).toBe(302);
  return new URL(String(response.headers.get('location'))).searchParams;
}

function exchange(params: Record<string, string>, method = 'POST') {
  const body = { client_id: APP.appId, client_secret: APP.appSecret, redirect_uri: CALLBACK, ...params };
  return client.graph('oauth/access_token', body, { method, token: '' });
}

async function signIn(more: Record<string, string> = {}, granted: string[] = []): Promise<string> {
  const code = String((await press('continue', more, granted)).get('code'));
  return (await exchange({ code })).body.access_token;
}

const debug = async (token: string) =>
  (await client.graph('debug_token', { input_token: token }, { token: `${APP.appId}|${APP.appSecret}` })).body.data;

test('the dialog is a page with a form, two buttons and one box per permission', async () => {
  const query = new URLSearchParams({ client_id: APP.appId, redirect_uri: CALLBACK, state: 'a"b', scope: 'ads_read' });
  const text = await (await fetch(`${client.url}/v26.0/dialog/oauth?${query}`)).text();
  expect(text).toContain('>Continue</button>');
  expect(text).toContain('>Cancel</button>');
  expect(text).toContain('value="ads_read" checked');
  expect(text).toContain('value="a&quot;b"');
  expect(text).not.toContain('<script');
});

test('a person who continues comes back with a code that works once', async () => {
  const query = await press('continue');
  expect(query.get('state')).toBe('s-1');
  const code = String(query.get('code'));
  const first = await exchange({ code });
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ token_type: 'bearer' });
  const again = await exchange({ code });
  expect(again.status).toBe(400);
  expect(again.body.error).toMatchObject({ code: 100, error_subcode: 36009, type: 'OAuthException' });
  expect(again.headers.get('www-authenticate')).toContain('"invalid_code"');
});

test('a person who cancels comes back with access_denied and the state', async () => {
  expect(Object.fromEntries(await press('cancel'))).toEqual({
    error_reason: 'user_denied',
    error: 'access_denied',
    error_description: 'Permissions error',
    error_code: '200',
    state: 's-1',
  });
});

test('the exchange refuses an unknown app, a wrong secret, another address and an old code', async () => {
  const code = String((await press('continue')).get('code'));
  expect((await exchange({ code, client_id: '1' })).body.error.code).toBe(101);
  expect((await exchange({ code, client_secret: 'x' })).body.error.code).toBe(1);
  expect((await exchange({ code, redirect_uri: `${CALLBACK}/` })).body.error).toMatchObject({
    code: 100,
    error_subcode: 36008,
  });
  expect((await exchange({ code: 'nonsense' }, 'GET')).body.error.code).toBe(100);
  await client.control('POST', 'clock', { advanceSeconds: 601 });
  expect((await exchange({ code })).body.error).toMatchObject({ code: 100, error_subcode: 36007 });
  await client.control('POST', 'reset', {});
});

test('with a list of return addresses the dialog blocks any other', async () => {
  await client.control('POST', 'app', { redirect_uris: [CALLBACK] });
  const query = new URLSearchParams({ client_id: APP.appId, redirect_uri: `${CALLBACK}/x`, state: 's' });
  const response = await fetch(`${client.url}/v26.0/dialog/oauth?${query}`);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('URL blocked');
  await client.control('POST', 'app', { redirect_uris: [] });
});

test('a declined permission is missing from the token and is only asked for again with rerequest', async () => {
  const user = String(client.world.users[3]?.id);
  const query = await press('continue', { user, response_type: 'code,granted_scopes' }, ['ads_read']);
  expect(query.get('granted_scopes')).toBe('public_profile,ads_read');
  expect(query.get('denied_scopes')).toContain('leads_retrieval');
  const token = (await exchange({ code: String(query.get('code')) })).body.access_token;
  const { body } = await client.graph('me/permissions', {}, { token });
  expect(body.data).toContainEqual({ permission: 'leads_retrieval', status: 'declined' });
  expect((await client.graph('me/businesses', {}, { token })).body.error.code).toBe(200);
  const still = await signIn({ user });
  expect((await client.graph('me/businesses', {}, { token: still })).status).toBe(403);
  const asked = await signIn({ user, auth_type: 'rerequest' });
  expect((await client.graph('me/businesses', {}, { token: asked })).body.data).toHaveLength(1);
});

test('a PKCE challenge demands its verifier', async () => {
  const verifier = 'v'.repeat(50);
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = await press('continue', { code_challenge: challenge, code_challenge_method: 'S256' });
  const code = String(query.get('code'));
  expect((await exchange({ code })).body.error.code).toBe(100);
  expect((await exchange({ code, code_verifier: verifier })).status).toBe(200);
});

test("a business configuration gives a system user's token that never expires", async () => {
  const token = await signIn({ scope: '', config_id: '77', override_default_response_type: 'true' });
  expect(await debug(token)).toMatchObject({ type: 'SYSTEM_USER', expires_at: 0, is_valid: true });
  const me = await client.graph('me', { fields: 'id,client_business_id' }, { token });
  expect(me.body.client_business_id).toBe(client.world.businesses[0]?.id);
  const accounts = await client.graph('me/assigned_ad_accounts', {}, { token });
  expect(accounts.body.data).toHaveLength(2);
});

test("a business's system user token can be fetched again, with a proof only", async () => {
  const business = String(client.world.businesses[0]?.id);
  const path = `${business}/system_user_access_tokens`;
  expect((await client.graph(path, {}, { method: 'POST' })).body.error.code).toBe(100);
  const proof = hmacHex(APP.appSecret, client.token);
  const { body } = await client.graph(path, { appsecret_proof: proof, fetch_only: 'true' }, { method: 'POST' });
  expect(await debug(body.access_token)).toMatchObject({ type: 'SYSTEM_USER', expires_at: 0 });
});

test('expires_in is left out of every third exchange, and a knob makes it always or never there', async () => {
  const lifetimes = async () => {
    const code = String((await press('continue')).get('code'));
    return (await exchange({ code })).body.expires_in as number | undefined;
  };
  const seen = [await lifetimes(), await lifetimes(), await lifetimes()];
  expect(seen.filter((seconds) => seconds === undefined)).toHaveLength(1);
  expect(seen.every((seconds) => seconds === undefined || (seconds >= 3600 && seconds < 7200))).toBe(true);
  await client.control('POST', 'settings', { expiresIn: 'never' });
  expect(await lifetimes()).toBeUndefined();
  await client.control('POST', 'settings', { expiresIn: 'always' });
  expect(await lifetimes()).toBeGreaterThan(0);
});

test('a long-lived token lasts sixty days, moves on renewal, and cannot be renewed once expired', async () => {
  const extend = (token: string) => exchange({ grant_type: 'fb_exchange_token', fb_exchange_token: token });
  const long = (await extend(await signIn())).body;
  expect(long.expires_in).toBe(5_184_000);
  const before = (await debug(long.access_token)).expires_at;
  await client.control('POST', 'clock', { advanceSeconds: 86_400 });
  expect((await debug((await extend(long.access_token)).body.access_token)).expires_at).toBe(before + 86_400);
  await client.control('POST', 'settings', { extensionMovesExpiry: false });
  expect((await debug((await extend(long.access_token)).body.access_token)).expires_at).toBe(before);
  await client.control('POST', 'clock', { advanceSeconds: 60 * 86_400 });
  const dead = await extend(long.access_token);
  expect(dead.body.error).toMatchObject({ code: 190, error_subcode: 463 });
  expect(dead.body.error.message).toMatch(/Session has expired on \w+, \d{2}-\w{3}-\d{2}/);
  expect(await debug(long.access_token)).toMatchObject({
    is_valid: false,
    error: { code: 190, subcode: 463 },
    scopes: [],
  });
  await client.control('POST', 'reset', {});
});

test.each([458, 459, 460, 463, 464, 467, 492])(
  'a killed token answers 190 with subcode %d and tells debug_token',
  async (subcode) => {
    const token = await signIn();
    await client.control('POST', 'tokens/kill', { access_token: token, subcode });
    const answer = await client.graph('me', {}, { token });
    expect(answer.body.error).toMatchObject({ code: 190, error_subcode: subcode });
    expect(answer.headers.get('www-authenticate')).toContain('"invalid_token"');
    expect((await debug(token)).error.subcode).toBe(subcode);
  },
);

test('removing the app kills every token of that person with 458, and signing in again helps', async () => {
  const token = await signIn();
  expect((await client.graph('me/permissions', {}, { method: 'DELETE', token })).body).toEqual({ success: true });
  expect((await client.graph('me', {}, { token })).body.error.error_subcode).toBe(458);
  expect((await client.graph('me', {}, { token: await signIn() })).status).toBe(200);
});

test('a proof is optional, and a wrong one is refused', async () => {
  const { token } = { token: await signIn() };
  const good = hmacHex(APP.appSecret, token);
  expect((await client.graph('me', { appsecret_proof: good }, { token })).status).toBe(200);
  expect((await client.graph('me', { appsecret_proof: 'f'.repeat(64) }, { token })).body.error.code).toBe(100);
  await client.control('POST', 'settings', { requireProof: true });
  expect((await client.graph('me', {}, { token })).body.error.message).toContain('appsecret_proof');
  await client.control('POST', 'settings', { requireProof: false });
});

test('no token at all is 2500 for me and 104 elsewhere', async () => {
  const read = async (path: string) => (await fetch(`${client.url}/v26.0/${path}`)).json();
  expect(await read('me')).toMatchObject({ error: { code: 2500 } });
  expect(await read('act_1/campaigns')).toMatchObject({ error: { code: 104 } });
});

test('past its data access a valid token sees only the public profile', async () => {
  const long = (await client.control('POST', 'tokens', { expiresInSeconds: 0 }))['access_token'] as string;
  await client.control('POST', 'clock', { advanceSeconds: 91 * 86_400 });
  expect((await debug(long)).is_valid).toBe(true);
  expect((await client.graph('me/adaccounts', {}, { token: long })).body.error.code).toBe(200);
  await client.control('POST', 'reset', {});
});

test('people differ: one has no business, one has no ad account', async () => {
  const [, withoutBusiness, withoutAccounts] = client.world.users;
  const first = await signIn({ user: String(withoutBusiness?.id) });
  expect((await client.graph('me/businesses', {}, { token: first })).body.data).toEqual([]);
  const second = await signIn({ user: String(withoutAccounts?.id) });
  expect((await client.graph('me/businesses', {}, { token: second })).body.data).toHaveLength(1);
  expect((await client.graph('me/adaccounts', {}, { token: second })).body.data).toEqual([]);
});
