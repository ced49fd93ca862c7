import { randomBytes } from 'node:crypto';
import { afterAll, inject } from 'vitest';
import { connectDatabase, type Database } from '../adapters/postgres/pool.ts';
import { asAdmin, asRole } from '../dev/stack/roles.ts';

export interface TestDatabase {
  /** As the programs see it: the application role. */
  database: Database;
  appUrl: string;
  ownerUrl: string;
  adminUrl: string;
}

/** A migrated database of the calling test file's own, dropped after it. */
export async function testDatabase(): Promise<TestDatabase> {
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
  const server = inject('postgresAdminUrl');
  await asAdmin(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE hub_template OWNER hub_owner`));
  const adminUrl = new URL(server);
  adminUrl.pathname = `/${name}`;
  const appUrl = asRole(adminUrl.href, 'hub_app', 'app');
  const database = await connectDatabase(appUrl);
  afterAll(async () => {
    await database.end();
    await asAdmin(server, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  return { database, appUrl, ownerUrl: asRole(adminUrl.href, 'hub_owner', 'owner'), adminUrl: adminUrl.href };
}

let nextTenant = 1;

/** A tenant with defaults, made as the database's superuser (the application cannot make tenants). */
export async function aTenant(
  { adminUrl }: Pick<TestDatabase, 'adminUrl'>,
  given: Partial<Record<'name' | 'country' | 'time_zone' | 'currency', string>> = {},
): Promise<number> {
  const id = nextTenant++;
  const {
    name = `Clínica ${id}`,
    country = 'AR',
    time_zone = 'America/Argentina/Buenos_Aires',
    currency = 'ARS',
  } = given;
  await asAdmin(adminUrl, (client) =>
    client.query('INSERT INTO tenants (id, name, country, time_zone, currency) VALUES ($1, $2, $3, $4, $5)', [
      id,
      name,
      country,
      time_zone,
      currency,
    ]),
  );
  return id;
}
