import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './control.ts';
import { Refusal, refusalOf, sendJson, sendRefusal } from './errors.ts';
import { createFaults, type Fault } from './faults.ts';
import { createLedger } from './ledger.ts';
import { createMessages } from './messages.ts';
import { createEndpointResource, createTemplateResource } from './resources.ts';
import { answer } from './routes.ts';
import { createWebhooks } from './webhooks.ts';
import { createWorld } from './world.ts';

export interface YCloudOptions {
  apiKeys: readonly string[];
  port?: number;
  /** An endpoint that stands from the start, for every event. */
  webhook?: { url: string; secret: string };
}

export type YCloudSimulator = Awaited<ReturnType<typeof startYCloudSimulator>>;
export type Simulator = ReturnType<typeof createSimulator>;

function createSimulator({ apiKeys, webhook }: YCloudOptions) {
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const iso = () => new Date(now()).toISOString();
  const world = createWorld(iso);
  const ledger = createLedger();
  const faults = createFaults();
  const webhooks = createWebhooks(world, ledger, now);
  const messages = createMessages({ world, webhooks, faults, now });
  const templates = createTemplateResource(world, webhooks, iso);
  const endpoints = createEndpointResource(world, iso);
  const preset = () => webhook && endpoints.create({ url: webhook.url, enabledEvents: ['*'] }, webhook.secret);
  preset();
  return {
    keys: new Set(apiKeys),
    world,
    ledger,
    faults,
    webhooks,
    messages,
    templates,
    endpoints,
    now,
    iso,
    advance(seconds: number) {
      offsetMs += seconds * 1000;
      webhooks.pump();
    },
    reset() {
      offsetMs = 0;
      for (const part of [ledger, faults, webhooks, messages, templates]) part.clear();
      Object.assign(world, createWorld(iso));
      preset();
    },
  };
}

/** YCloud's v2 API and its webhooks on a loopback port. */
export async function startYCloudSimulator(options: YCloudOptions) {
  const simulator = createSimulator(options);
  const server = createServer((req, res) => void handle(simulator, req, res));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ...simulator,
    async close() {
      simulator.webhooks.close();
      simulator.messages.clear();
      simulator.templates.clear();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function handle(simulator: Simulator, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://simulator');
  const method = req.method ?? 'GET';
  const body = await readBody(req);
  if (url.pathname.startsWith('/_control/')) return control(simulator, method, url, body, res);
  const requestId = `req_${randomBytes(6).toString('hex')}`;
  res.setHeader('YCloud-Request-ID', requestId);
  const fault = simulator.faults.forRequest(method, url.pathname);
  const record = (status: number) => simulator.ledger.call({ method, path: url.pathname, status });
  if (fault?.kind === 'slow') await sleep(Number(fault.value ?? 1000));
  if (fault?.kind === 'cut_before') {
    record(0);
    return void res.destroy();
  }
  try {
    if (fault) applyBefore(fault);
    const reply = serve(simulator, method, url, body, req, fault?.kind === 'cut_after_accept');
    if (fault?.kind === 'cut_after_accept') {
      record(0);
      return void res.destroy();
    }
    record(200);
    if (fault?.kind === 'truncate') return truncated(res, reply);
    sendJson(res, 200, reply);
  } catch (error) {
    const refusal = error instanceof Refusal ? error : refusalOf(500);
    record(refusal.status);
    if (fault?.kind === 'html')
      return void res
        .writeHead(refusal.status, { 'Content-Type': 'text/html' })
        .end('<html><body><h1>Bad gateway</h1></body></html>');
    sendRefusal(res, refusal, requestId);
  }
}

function applyBefore({ kind, value }: Fault): void {
  if (kind === 'status') throw refusalOf(Number(value ?? 500));
  if (kind === 'html') throw refusalOf(Number(value ?? 502));
  if (kind === 'code')
    throw new Refusal(400, 'BAD_REQUEST', 'refused by WhatsApp', { metaCode: String(value ?? '131000') });
}

function serve(
  simulator: Simulator,
  method: string,
  url: URL,
  body: Buffer,
  req: IncomingMessage,
  cut: boolean,
): unknown {
  const key = req.headers['x-api-key'];
  if (typeof key !== 'string' || !simulator.keys.has(key)) throw new Refusal(401, 'UNAUTHORIZED', 'INVALID_API_KEY');
  const [version, ...path] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (version !== 'v2') throw new Refusal(404, 'NOT_FOUND', 'no such path');
  const call = { method, path, query: url.searchParams, body: jsonBody(body) };
  const reply = answer(simulator, call);
  if (method === 'POST' && path[0] === 'whatsapp' && path[1] === 'messages') {
    const { id, externalId, to, template } = reply as {
      id: string;
      externalId?: string;
      to: string;
      template?: { name?: string };
    };
    simulator.ledger.message({ id, externalId: externalId ?? null, to, template: template?.name ?? null, cut });
  }
  return reply;
}

function jsonBody(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // falls through to the refusal
  }
  throw new Refusal(400, 'BAD_REQUEST', 'the body is not a JSON object');
}

/** The head promises more than comes. */
function truncated(res: ServerResponse, reply: unknown): void {
  const text = JSON.stringify(reply);
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) });
  res.write(text.slice(0, Math.floor(text.length / 2)), () => res.destroy());
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
