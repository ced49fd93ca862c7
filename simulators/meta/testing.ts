import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isObject } from './http.ts';
import { type MetaSimulator, startMetaSimulator } from './server.ts';
import type { SimulatorOptions } from './simulator.ts';

export const APP = { appId: '111222333444555', appSecret: 'a-secret-for-tests' } as const;

/** 2026-11-24 12:00 UTC: far from midnight in every zone of the world. */
export const NOON = Date.UTC(2026, 10, 24, 12);

/** A started simulator with short ways to call it. */
export interface Client extends MetaSimulator {
  readonly token: string;
  /** Calls Graph v26.0 as the full user unless another token is given. */
  graph(path: string, params?: Record<string, unknown>, more?: { method?: string; token?: string }): Promise<Answer>;
  control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
}

/** A reply, its JSON already read; `body` is loose because tests look deep into it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read replies of many shapes and assert on what they find.
  readonly body: any;
}

/** Starts a simulator whose clock stands at noon until it is moved. */
export async function startClient(options: Partial<SimulatorOptions> = {}): Promise<Client> {
  const simulator = await startMetaSimulator({ ...APP, now: () => NOON, firstLead: 1, ...options });
  const control: Client['control'] = async (method, path, body) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const value: unknown = await (await fetch(`${simulator.url}/_control/${path}`, init)).json();
    return isObject(value) ? value : {};
  };
  const token = String((await control('POST', 'tokens', {}))['access_token']);
  const graph: Client['graph'] = async (path, params = {}, { method = 'GET', token: other = token } = {}) => {
    const query = new URLSearchParams(
      Object.entries(params).map(([name, value]): [string, string] => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
    const inBody = method === 'POST';
    const response = await fetch(`${simulator.url}/v26.0/${path}${inBody ? '' : `?${query}`}`, {
      method,
      headers: { authorization: `Bearer ${other}` },
      redirect: 'manual',
      ...(inBody ? { body: query } : {}),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { ...simulator, token, control, graph };
}

/** One webhook as it arrived. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A receiver of webhooks that answers the handshake and, in order, the given statuses (then 200). */
export async function startReceiver(
  verifyToken: string,
  statuses: number[] = [],
): Promise<{ url: string; received: Received[]; close(): Promise<void> }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://receiver').searchParams;
    if (request.method === 'GET') {
      const fits = query.get('hub.verify_token') === verifyToken;
      response.writeHead(fits ? 200 : 403).end(fits ? query.get('hub.challenge') : '');
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, text: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/crm/webhook/meta`;
  return {
    url,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The page token of a page, as `/me/accounts` gives it. */
export async function pageToken(client: Client, pageId: string): Promise<string> {
  const { body } = await client.graph('me/accounts', { fields: 'id,access_token' });
  return body.data.find((entry: { id: string }) => entry.id === pageId).access_token;
}

/** Connects as a product does: the app's callback with its handshake, then the page. Gives the page token. */
export async function connect(client: Client, callback: string, verifyToken: string): Promise<string> {
  const pageId = String(client.world.pages[0]?.id);
  const app = { object: 'page', callback_url: callback, fields: 'leadgen', verify_token: verifyToken };
  const appToken = `${APP.appId}|${APP.appSecret}`;
  await client.graph(`${APP.appId}/subscriptions`, app, { method: 'POST', token: appToken });
  const token = await pageToken(client, pageId);
  await client.graph(`${pageId}/subscribed_apps`, { subscribed_fields: 'leadgen' }, { method: 'POST', token });
  return token;
}

/** People submit a form; resolves when every webhook that is due has been sent. */
export async function submit(client: Client, body: Record<string, unknown> = {}): Promise<string[]> {
  const { leadgen_ids: ids } = await client.control('POST', 'leads', body);
  await client.sim.webhooks.idle();
  return ids as string[];
}
