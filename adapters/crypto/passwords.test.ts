import { expect, it } from 'vitest';
import { hashPassword, passwordMatches } from './passwords.ts';

it('knows a password again, and no other', async () => {
  const hash = await hashPassword('contraseña larga 🔑');
  expect(await passwordMatches('contraseña larga 🔑', hash)).toBe(true);
  for (const wrong of ['', 'Contraseña larga 🔑', 'contraseña larga 🔑 ', hash])
    expect(await passwordMatches(wrong, hash)).toBe(false);
});

it('hashes one password differently each time, with its settings beside it', async () => {
  const [one, two] = [await hashPassword('x'), await hashPassword('x')];
  expect(one).not.toBe(two);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
});

it.each(['', '-', 'password', '$argon2i$v=19$m=8,t=1,p=1$c2FsdA$dGFn', '$argon2id$v=19$m=x,t=2,p=1$c2FsdA$dGFn'])(
  'matches nothing with what is no hash: "%s"',
  async (hash) => {
    expect(await passwordMatches('password', hash)).toBe(false);
  },
);
