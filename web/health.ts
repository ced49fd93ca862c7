import type { Request, Response } from 'express';
import type { Route } from './route.ts';

export interface HealthDeps {
  postgresIsUp: () => Promise<boolean>;
  temporalIsUp: () => Promise<boolean>;
  redisIsUp: () => Promise<boolean>;
}

export const healthRoutes = (deps: HealthDeps): Route[] => [
  { method: 'get', path: '/healthz', access: 'provider', handler: (_req, res) => void res.type('text').send('ok') },
  { method: 'get', path: '/readyz', access: 'provider', handler: (req, res) => ready(req, res, deps) },
];

/** Ready while PostgreSQL answers: webhooks are taken without Temporal, pages work without Redis. */
async function ready(_req: Request, res: Response, deps: HealthDeps): Promise<void> {
  const [postgres, temporal, redis] = await Promise.all([deps.postgresIsUp(), deps.temporalIsUp(), deps.redisIsUp()]);
  const missing = [...(temporal ? [] : ['temporal']), ...(redis ? [] : ['redis'])];
  const status = !postgres ? 'down: postgres' : missing.length === 0 ? 'ok' : `degraded: ${missing.join(', ')}`;
  res.status(postgres ? 200 : 503).json({ status, postgres, temporal, redis });
}
