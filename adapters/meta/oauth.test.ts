import { describe, expect, it } from 'vitest';
import { dialogUrl } from './oauth.ts';

const config = {
  appId: '111222333444555',
  version: 'v26.0',
  dialogUrl: 'https://www.facebook.com',
  redirectUri: 'https://hub.example.com/crm/auth/meta/callback',
};
const paramsOf = (...args: Parameters<typeof dialogUrl>) =>
  Object.fromEntries(new URL(dialogUrl(...args)).searchParams);

describe("The address of Meta's dialog", () => {
  it('asks for scopes in classic Login, on the host of the dialog', () => {
    const url = new URL(dialogUrl(config, { state: 'abc', scopes: ['ads_read', 'leads_retrieval'] }));
    expect(`${url.origin}${url.pathname}`).toBe('https://www.facebook.com/v26.0/dialog/oauth');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: config.appId,
      redirect_uri: config.redirectUri,
      state: 'abc',
      response_type: 'code',
      scope: 'ads_read,leads_retrieval',
    });
  });

  it('names the configuration instead of scopes in Login for Business', () => {
    const params = paramsOf({ ...config, loginConfigId: '9000' }, { state: 'abc', scopes: ['ads_read'] });
    expect(params).toMatchObject({ config_id: '9000', override_default_response_type: 'true' });
    expect(params).not.toHaveProperty('scope');
  });

  it('announces a code verifier by its hash only', () => {
    const params = paramsOf(config, { state: 'abc', scopes: [], codeChallenge: 'hash' });
    expect(params).toMatchObject({ code_challenge: 'hash', code_challenge_method: 'S256' });
  });

  it('asks again for what was declined', () => {
    expect(paramsOf(config, { state: 'abc', scopes: [], rerequest: true })).toMatchObject({ auth_type: 'rerequest' });
  });
});
