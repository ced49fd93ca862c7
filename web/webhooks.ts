import type { Request, Response } from 'express';
import type { Logger } from '../adapters/log.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { Inbox, Routing } from '../adapters/postgres/inbox.ts';
import type { Config } from '../config.ts';
import { AppError } from '../domain/error.ts';
import { type Change, ignored, isFields, metaChanges, parseLossless, ycloudChange } from '../domain/inbox.ts';
import { isDatabaseDown, requestIdOf } from './errors.ts';
import type { Route } from './route.ts';
import { equalSecrets } from './secrets.ts';
import { isSignedByMeta, isSignedByYcloud } from './signatures.ts';

export interface WebhookDeps {
  config: Pick<Config, 'META_APP_SECRET' | 'META_VERIFY_TOKEN'>;
  inbox: Inbox;
  credentials: Credentials;
  metrics: Metrics;
  log: Logger;
  /** Tells the dispatcher that there is work. */
  nudge: () => void;
}

/** Answered 200 only after the content is committed; everything else happens later. */
export const webhookRoutes = (deps: WebhookDeps): Route[] => [
  { method: 'get', path: '/crm/webhook/meta', access: 'provider', handler: (req, res) => handshake(req, res, deps) },
  {
    method: 'post',
    path: '/crm/webhook/meta',
    access: 'provider',
    body: 'raw',
    handler: (req, res) => receiveMeta(req, res, deps),
  },
  {
    method: 'post',
    path: '/webhook/ycloud',
    access: 'provider',
    body: 'raw',
    handler: (req, res) => receiveYcloud(req, res, deps),
  },
  {
    method: 'post',
    path: '/webhook/ycloud/:tenantId',
    access: 'provider',
    body: 'raw',
    handler: (req, res) => receiveYcloud(req, res, deps),
  },
];

/** Meta checks the address: the challenge comes back unchanged, or 403. Dots are part of the parameters' names. */
function handshake(req: Request, res: Response, { config, metrics }: WebhookDeps): void {
  const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = req.query;
  if (
    mode !== 'subscribe' ||
    typeof token !== 'string' ||
    typeof challenge !== 'string' ||
    !equalSecrets(token, config.META_VERIFY_TOKEN)
  ) {
    metrics.inboxReceived.inc({ provider: 'meta', outcome: 'refused' });
    return void res.status(403).type('text').send('wrong verify token');
  }
  res.status(200).type('text').send(challenge);
}

async function receiveMeta(req: Request, res: Response, deps: WebhookDeps): Promise<void> {
  const raw = rawBody(req);
  if (!isSignedByMeta(raw, req.get('x-hub-signature-256'), deps.config.META_APP_SECRET))
    return refuse(res, deps, 'meta');
  await keep(req, res, deps, 'meta', raw, metaChanges, { to: 'sender' });
}

async function receiveYcloud(req: Request, res: Response, deps: WebhookDeps): Promise<void> {
  const raw = rawBody(req);
  const tenantId = tenantIdOf(req);
  const secrets =
    tenantId === null
      ? await deps.credentials.globalYcloudWebhookSecrets()
      : await deps.credentials.ycloudWebhookSecrets(tenantId);
  const nowS = Math.floor(Date.now() / 1000);
  if (!isSignedByYcloud(raw, req.get('ycloud-signature'), secrets, nowS)) return refuse(res, deps, 'ycloud');
  const routing: Routing = tenantId === null ? { to: 'sender' } : { to: 'tenant', tenantId };
  await keep(req, res, deps, 'ycloud', raw, (body) => [ycloudChange(body)], routing);
}

type Split = (body: Readonly<Record<string, unknown>>) => Change[];

function refuse(res: Response, { metrics }: WebhookDeps, provider: string): void {
  metrics.inboxReceived.inc({ provider, outcome: 'refused' });
  res.status(401).type('text').send('wrong signature');
}

/** Not JSON: 400. A JSON object, whatever is in it: stored, then 200. Database away: 503, and the sender tries again. */
async function keep(
  req: Request,
  res: Response,
  { inbox, metrics, log, nudge }: WebhookDeps,
  provider: 'meta' | 'ycloud',
  raw: Buffer,
  split: Split,
  routing: Routing,
): Promise<void> {
  const changes = changesIn(raw, provider, split);
  if (changes === null) {
    metrics.inboxReceived.inc({ provider, outcome: 'not_json' });
    return void res.status(400).type('text').send('the body is not a JSON object');
  }
  try {
    const inserted = await inbox.insert(changes, routing);
    metrics.inboxReceived.inc({ provider, outcome: 'stored' }, inserted);
    const [event] = changes;
    if (inserted === 0 && provider === 'ycloud' && event !== undefined) {
      const conflicts = await inbox.insertConflicts(event, routing);
      metrics.inboxReceived.inc({ provider, outcome: conflicts > 0 ? 'conflict' : 'repeated' });
    }
  } catch (error) {
    if (!isDatabaseDown(error)) throw error;
    metrics.inboxReceived.inc({ provider, outcome: 'database_down' });
    log.error({ err: error, requestId: requestIdOf(req) }, 'webhook not stored');
    return void res.status(503).set('retry-after', '5').type('text').send('the database does not answer');
  }
  res.status(200).type('text').send('ok');
  nudge();
}

/** The body's changes; null when it is no JSON object. One nested deeper than the call stack is kept as it came. */
function changesIn(raw: Buffer, provider: Change['provider'], split: Split): Change[] | null {
  const text = raw.toString('utf8');
  try {
    const body = parseLossless(text);
    return isFields(body) ? split(body) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (error instanceof RangeError) return [ignored(provider, 'too_deep', text)];
    throw error;
  }
}

const rawBody = (req: Request): Buffer => (Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0));

function tenantIdOf(req: Request): number | null {
  const { tenantId } = req.params;
  if (tenantId === undefined) return null;
  if (typeof tenantId !== 'string' || !/^[1-9]\d{0,8}$/.test(tenantId))
    throw new AppError('not_found', 'no such tenant');
  return Number(tenantId);
}
