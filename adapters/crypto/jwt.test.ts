import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose';
import { expect, it } from 'vitest';
import { createTokens } from './jwt.ts';

const secret = 'a secret for tests, long enough to be one';
const key = new TextEncoder().encode(secret);
const tokens = createTokens(secret);
const subject = { userId: '5f0e7f5e-9a52-4d5c-8a53-3f1f8a4a6f10', tenantId: 7 };
/** A token signed with the right key, yet with other words in it. */
const forged = (claims: object, change: (jwt: SignJWT) => SignJWT = (jwt) => jwt) =>
  change(
    new SignJWT({ tid: 7, sub: subject.userId, ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('marketing-hub')
      .setAudience('marketing-hub-api')
      .setExpirationTime('1 hour'),
  ).sign(key);

it('issues a token that it reads, the tenant as a number', async () => {
  const token = await tokens.issue(subject);
  expect(await tokens.read(token)).toEqual(subject);
  const { exp = 0, iat = 0, tid } = decodeJwt(token);
  expect([tid, exp - iat]).toEqual([7, 24 * 60 * 60]);
});

it('reads none that is expired, altered, of another key, issuer or audience', async () => {
  const [head, body = '', mac] = (await tokens.issue(subject)).split('.');
  const altered = Buffer.from(body, 'base64url').toString().replace('"tid":7', '"tid":8');
  const refused = [
    await tokens.issue(subject, '-1 second'),
    [head, Buffer.from(altered).toString('base64url'), mac].join('.'),
    await createTokens('another secret, long enough to be one').issue(subject),
    await forged({}, (jwt) => jwt.setIssuer('somebody')),
    await forged({}, (jwt) => jwt.setAudience('another-api')),
    new UnsecuredJWT({ tid: 7, sub: subject.userId })
      .setIssuer('marketing-hub')
      .setAudience('marketing-hub-api')
      .encode(),
    '',
    'a.b.c',
  ];
  for (const token of refused) expect(await tokens.read(token)).toBeNull();
});

it.each([
  { tid: '7' },
  { tid: 0 },
  { tid: -7 },
  { tid: 7.5 },
  { tid: undefined },
  { sub: 'me' },
  { sub: undefined },
  { exp: undefined },
])('reads none with a tenant that is no whole number, or without a person or an end: %o', async (claims) => {
  const without = 'exp' in claims ? await unending() : await forged(claims);
  expect(await tokens.read(without)).toBeNull();
});

const unending = () =>
  new SignJWT({ tid: 7, sub: subject.userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('marketing-hub')
    .setAudience('marketing-hub-api')
    .sign(key);
