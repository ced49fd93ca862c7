import { randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import type { Logger } from '../adapters/log.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { RateLimit } from '../adapters/redis/limits.ts';
import type { Config } from '../config.ts';
import { AppError } from '../domain/error.ts';
import { type AccessDeps, limitKey, requireAccess } from './access.ts';
import type { AccessLog } from './access-log.ts';
import { serveAssets } from './assets.ts';
import { compressReplies } from './compression.ts';
import { answerErrors, requestIdOf, setRequestId } from './errors.ts';
import { maybeCallerOf, type Route } from './route.ts';
import { refuseUnstorable } from './storable.ts';
import { uploadParsers } from './upload.ts';

export interface AppDeps extends AccessDeps {
  config: Config;
  log: Logger;
  metrics: Metrics;
  accessLog: AccessLog;
  /** The mission's 20 a minute, per tenant and user. */
  marketingLimit: RateLimit;
}

const BODY_LIMITS = { form: '256kb', json: '1mb', raw: '5mb', upload: '2mb' } as const;

/** The web server: the permission table's routes, each behind its access, body, limit and access row. */
export function createApp(deps: AppDeps, routes: readonly Route[]): Express {
  const { config, log, metrics } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // pages are never stored and assets never asked for again
  app.set('trust proxy', trustedProxies(config.TRUST_PROXY));
  app.use(observe(log, metrics, quietPaths(routes)));
  app.use(securityHeaders(config));
  app.use(serveAssets);
  app.use(compressReplies);
  app.use(routerOf(routes, deps));
  app.use(() => {
    throw new AppError('not_found', 'no such address');
  });
  app.use(answerErrors(log, () => metrics.errors.inc({ where: 'http' })));
  return app;
}

function routerOf(routes: readonly Route[], deps: AppDeps): Router {
  const router = express.Router();
  // Express looks from the top: webhooks come by the hundred a second.
  for (const route of routes.toSorted((a, b) => Number(b.access === 'provider') - Number(a.access === 'provider'))) {
    router[route.method](
      route.path,
      ...bodyParsers(route),
      refuseUnstorable,
      requireAccess(route.access, deps),
      ...(route.accessName === undefined ? [] : [leaveAccessRow(route.accessName, deps.accessLog)]),
      ...(route.limited ? [limitCalls(deps.marketingLimit)] : []),
      (req, res) => route.handler(req, res),
    );
  }
  for (const [path, rows] of Map.groupBy(routes, (route) => route.path))
    router.all(path, refuseMethod(rows.map(({ method }) => method.toUpperCase())));
  return router;
}

/** A known address, asked for something that it does not do. */
const refuseMethod =
  (methods: readonly string[]): RequestHandler =>
  (_req, res) => {
    res.set('allow', methods.join(', '));
    throw Object.assign(new Error('no such method at this address'), { status: 405 });
  };

/** A number of hops, or names of networks. */
const trustedProxies = (given: string): number | string => (/^\d+$/.test(given) ? Number(given) : given);

function bodyParsers({ body }: Route): RequestHandler[] {
  if (body === 'raw') return [express.raw({ type: () => true, limit: BODY_LIMITS.raw })];
  if (body === 'upload') return uploadParsers(BODY_LIMITS.upload);
  if (body === 'json') return [express.json({ limit: BODY_LIMITS.json })];
  if (body === 'form')
    return [
      express.urlencoded({ extended: false, limit: BODY_LIMITS.form }),
      express.json({ limit: BODY_LIMITS.form }),
    ];
  return [];
}

const limitCalls =
  (limit: RateLimit): RequestHandler =>
  async (req, _res, next) => {
    await limit.count(limitKey(req));
    next();
  };

const leaveAccessRow =
  (name: string, accessLog: AccessLog): RequestHandler =>
  (req, res, next) => {
    res.once('finish', () => {
      const caller = maybeCallerOf(req);
      if (caller)
        accessLog.add({ tenantId: caller.tenantId, name, actor: caller.actor, status: res.statusCode, at: new Date() });
    });
    next();
  };

/** Webhooks and probes that went well are counted, and logged only on request: at 300 a second nobody reads them. */
const quietPaths = (routes: readonly Route[]): ReadonlySet<string> =>
  new Set(routes.filter(({ access }) => access === 'provider').map(({ path }) => path));

/** Gives each request its id, times it under its route's pattern, and logs it with request, tenant and user ids. */
function observe(log: Logger, metrics: Metrics, quiet: ReadonlySet<string>): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    setRequestId(req, randomUUID());
    // Figures and people stay out of every cache; assets say otherwise.
    res.set({ 'x-request-id': requestIdOf(req), 'cache-control': 'no-store' });
    res.once('finish', () => {
      const route: string = (req.route as { path?: string } | undefined)?.path ?? 'other';
      const seconds = (performance.now() - started) / 1000;
      metrics.httpDuration.observe({ method: req.method, route, status: String(res.statusCode) }, seconds);
      const caller = maybeCallerOf(req);
      const ids = { requestId: requestIdOf(req), tenantId: caller?.tenantId, userId: caller?.userId ?? undefined };
      const level = quiet.has(route) && res.statusCode < 400 ? 'debug' : 'info';
      log[level](
        { ...ids, method: req.method, route, status: res.statusCode, ms: Math.round(seconds * 1000) },
        'request',
      );
    });
    next();
  };
}

function securityHeaders({ PUBLIC_URL, META_DIALOG_URL }: Config): RequestHandler {
  const self = ["'self'"];
  return helmet({
    // helmet's own no-referrer makes Chromium send `Origin: null` with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: PUBLIC_URL.startsWith('https:'),
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: self,
        scriptSrc: self,
        styleSrc: self,
        imgSrc: ["'self'", 'data:'],
        connectSrc: self,
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        // "Connect" is a form whose answer leads to Meta's dialog: Chromium asks form-action about the redirect too.
        formAction: ["'self'", new URL(META_DIALOG_URL).origin],
        frameAncestors: ["'none'"],
      },
    },
  });
}
