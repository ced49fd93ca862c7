import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startYCloudSimulator, type YCloudOptions, type YCloudSimulator } from './server.ts';

export const KEY = 'key-for-tests';
/** The first WABA's number, and a person. */
export const NUMBER = '+541155550001';
export const PERSON = '+5491155551234';

/** A reply, its JSON already read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read replies of many shapes and assert on what they find.
  readonly body: any;
}

/** A started simulator with short ways to call it. */
export interface Client extends YCloudSimulator {
  /** Calls `/v2/<path>` with the first key unless another is given. */
  v2(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  control(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Sends the welcome template, changed as given. */
  send(change?: Record<string, unknown>, path?: string): Promise<Answer>;
}

/** Every call ends what it started: close the client when the tests are done. */
export async function startClient(options: Partial<YCloudOptions> = {}): Promise<Client> {
  const simulator = await startYCloudSimulator({ apiKeys: [KEY], ...options });
  const call = async (
    path: string,
    method: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> => {
    const init = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(`${simulator.url}/${path}`, { method, headers, ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  const v2: Client['v2'] = (method, path, body, key = KEY) => call(`v2/${path}`, method, body, { 'x-api-key': key });
  return {
    ...simulator,
    v2,
    control: (method, path, body) => call(`_control/${path}`, method, body, {}),
    send: (change = {}, path = 'whatsapp/messages') => v2('POST', path, { ...aTemplateMessage(), ...change }),
  };
}

/** The welcome template to one person. */
export const aTemplateMessage = () => ({ from: NUMBER, to: PERSON, type: 'template', template: aTemplate('Lucía') });

/** A filled template; without values it has no components at all. */
export function aTemplate(...values: string[]) {
  const parameters = values.map((text) => ({ type: 'text', text }));
  const components = values.length === 0 ? {} : { components: [{ type: 'body', parameters }] };
  return { name: 'bienvenida_lead', language: { code: 'es', policy: 'deterministic' }, ...components };
}

/** One webhook as it arrived. */
export interface Received {
  readonly signature: string;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read events of many shapes and assert on what they find.
  readonly event: any;
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** A receiver of webhooks that answers what `answer` says, 200 at first. */
export async function startReceiver() {
  const received: Received[] = [];
  const waiters = new Set<() => void>();
  const receiver = { answer: (_: Received): number | Promise<number> => 200 };
  const server = createServer((req, res) => {
    void textOf(req).then(async (text) => {
      const arrived = { signature: String(req.headers['ycloud-signature']), text, event: JSON.parse(text) };
      received.push(arrived);
      for (const wake of waiters) wake();
      res.writeHead(await receiver.answer(arrived)).end('ignored');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    /** Resolves with what arrived, once `isEnough` says so. */
    until: (isEnough: (all: readonly Received[]) => boolean) =>
      new Promise<readonly Received[]>((resolve) => {
        const look = () => {
          if (!isEnough(received)) return;
          waiters.delete(look);
          resolve(received);
        };
        waiters.add(look);
        look();
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function textOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** The statuses that arrived for a message, in order of arrival. */
export const statusesOf = (all: readonly Received[], id: string): string[] =>
  all.flatMap(({ event }) => (event.whatsappMessage?.id === id ? [String(event.whatsappMessage.status)] : []));
