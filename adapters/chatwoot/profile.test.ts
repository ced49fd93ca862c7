import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublicAddress } from './http.ts';
import { askChatwootProfile } from './profile.ts';

let url: string;
let asked: string[];
const server = createServer((req, res) => {
  asked.push(req.url ?? '');
  const status = { good: 200, bad: 401, moved: 302, broken: 500 }[String(req.headers['api_access_token'])] ?? 404;
  res.writeHead(status, { location: '/elsewhere' }).end('{"name":"Carla"}');
});
beforeAll(async () => {
  asked = [];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

describe("Chatwoot's answer to a token", () => {
  it.each([
    ['good', 'works'],
    ['bad', 'rejected'],
    ['moved', 'no_answer'],
    ['broken', 'no_answer'],
  ])('%s: %s', async (token, outcome) => {
    expect(await askChatwootProfile(url, token, { isInnerAllowed: true })).toBe(outcome);
    expect(asked.every((path) => path === '/api/v1/profile')).toBe(true);
  });

  it('is none from a server that is not there', async () => {
    expect(await askChatwootProfile('http://127.0.0.1:1', 'good', { isInnerAllowed: true })).toBe('no_answer');
  });

  it('is not even asked for on our own network, whatever the name', async () => {
    const before = asked.length;
    const { port } = server.address() as AddressInfo;
    for (const inside of [url, `https://127.0.0.1:${port}`, `https://localhost:${port}`, `https://[::1]:${port}`])
      expect(await askChatwootProfile(inside, 'good')).toBe('no_answer');
    expect(asked).toHaveLength(before);
  });

  it.each([
    ['10.1.2.3', false],
    ['127.0.0.1', false],
    ['169.254.169.254', false],
    ['192.168.1.1', false],
    ['::1', false],
    ['::ffff:10.0.0.1', false],
    ['fd00::1', false],
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
  ])('%s is public: %s', (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });
});
