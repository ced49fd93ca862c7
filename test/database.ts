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

/** The table of every row, of whatever tenant, that holds this text in any of its columns. */
export const tablesNaming = ({ adminUrl }: Pick<TestDatabase, 'adminUrl'>, text: string): Promise<string[]> =>
  asAdmin(adminUrl, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace ORDER BY 1",
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query(`SELECT FROM ${name} t WHERE t::text LIKE $1`, [`%${text}%`]);
      found.push(...rows.map(() => name));
    }
    return found;
  });

/** Lets months pass over everything that a tenant has. */
export const monthsPass = (
  { adminUrl }: Pick<TestDatabase, 'adminUrl'>,
  tenantId: number,
  months: number,
): Promise<void> =>
  asAdmin(adminUrl, async (client) => {
    const { rows } = await client.query<{ table: string; moved: string }>(`
      SELECT c.table_name AS table, string_agg(format('%1$I = %1$I - interval ''${months} months''', c.column_name), ', ') AS moved
      FROM information_schema.columns c JOIN pg_class p ON p.oid = format('public.%I', c.table_name)::regclass AND p.relkind IN ('r', 'p') AND NOT p.relispartition
      WHERE c.table_schema = 'public' AND c.is_generated = 'NEVER' AND c.data_type = 'timestamp with time zone'
        AND EXISTS (SELECT FROM information_schema.columns t WHERE t.table_schema = 'public' AND t.table_name = c.table_name AND t.column_name = 'tenant_id')
      GROUP BY 1`);
    for (const { table, moved } of rows)
      await client.query(`UPDATE ${table} SET ${moved} WHERE tenant_id = $1`, [tenantId]);
  });
