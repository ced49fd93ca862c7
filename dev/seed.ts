import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'slonik';
import { z } from 'zod';
import { connectDatabase, type Database } from '../adapters/postgres/pool.ts';
import { createCache } from '../adapters/redis/cache.ts';
import { connectRedis } from '../adapters/redis/client.ts';
import type { DemoSecrets } from './demo/secrets.ts';
import { seedHistory } from './seed/history.ts';
import { type DemoTenant, seedTenant, seedWhatsapp } from './seed/tenants.ts';
import { asAdmin } from './stack/roles.ts';
import { connectMeta, signIn } from './walk/connect.ts';
import { Person } from './walk/person.ts';

export interface SeedContext {
  webUrl: string;
  metaSimUrl: string;
  ycloudSimUrl: string;
  appUrl: string;
  ownerUrl: string;
  adminUrl: string;
  redisUrl: string;
  secrets: DemoSecrets;
}

const aurora = {
  name: 'Aurora Odontología',
  person: 'Carla Domínguez',
  email: 'carla@example.com',
  zone: 'America/Argentina/Buenos_Aires',
  country: 'AR',
  currency: 'ARS',
};
const rioNorte = {
  name: 'Zapatería Río Norte',
  person: 'Bruno Salas',
  email: 'bruno@example.com',
  zone: 'America/Argentina/Buenos_Aires',
  country: 'AR',
  currency: 'ARS',
};
export const palta = {
  name: 'Estudio Palta',
  person: 'Noelia Paz',
  email: 'noelia@example.com',
  zone: 'America/Bogota',
  country: 'CO',
  currency: 'COP',
};

/** Two tenants: one connected through its pages, with 90 days of history and the rule "new lead → template", one that starts from nothing. */
export async function seedDemo(context: SeedContext): Promise<DemoTenant[]> {
  const owner = await connectDatabase(context.ownerUrl, { maxPoolSize: 2 });
  const app = await connectDatabase(context.appUrl, { maxPoolSize: 2 });
  try {
    const first = await seedTenant(owner, context.secrets.jwtSecret, aurora);
    const second = await seedTenant(owner, context.secrets.jwtSecret, rioNorte);
    await seedWhatsapp(app, context.ycloudSimUrl, first.id, 0, { rule: true });
    await seedWhatsapp(app, context.ycloudSimUrl, second.id, 1, { rule: false });
    const person = new Person(context.webUrl);
    await connectMeta(person, await signIn(person, first), { business: 0, pages: /^Aurora/ });
    await firstSync(app, first.id);
    await app.inTenant(first.id, (tx) => seedHistory(tx, first.id));
    // Autovacuum would within the minute; until then PostgreSQL checks each foreign key by whichever index is newest.
    await asAdmin(context.adminUrl, (client) => client.query('ANALYZE'));
    const redis = connectRedis(context.redisUrl);
    await once(redis.commands, 'ready');
    await createCache(redis).invalidate(first.id);
    redis.close();
    return [first, second];
  } finally {
    await Promise.all([owner.end(), app.end()]);
  }
}

const syncRow = z.object({ state: z.string(), error_code: z.string().nullable() });

async function firstSync(app: Database, tenantId: number): Promise<void> {
  const end = Date.now() + 120_000;
  while (Date.now() < end) {
    const run = await app.inTenant(tenantId, (tx) =>
      tx.maybeOne(
        sql.type(
          syncRow,
        )`SELECT state, error_code FROM sync_runs WHERE tenant_id = ${tenantId} ORDER BY started_at LIMIT 1`,
      ),
    );
    if (run?.state === 'done') return;
    if (run?.state === 'failed') throw new Error(`the first sync failed: ${run.error_code}`);
    await sleep(200);
  }
  throw new Error('the first sync did not end within two minutes');
}
