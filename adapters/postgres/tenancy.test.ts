import { readFileSync } from 'node:fs';
import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { aTenant, type TestDatabase, testDatabase } from '../../test/database.ts';

let db: TestDatabase;
let mine: number;
let theirs: number;

beforeAll(async () => {
  db = await testDatabase();
  mine = await aTenant(db);
  theirs = await aTenant(db);
  for (const tenantId of [mine, theirs]) {
    await db.database.inTenant(tenantId, async (tx) => {
      await tx.query(sql.unsafe`INSERT INTO leads (tenant_id, full_name) VALUES (${tenantId}, 'Lucía Fernández')`);
      await tx.query(
        sql.unsafe`INSERT INTO ad_accounts (tenant_id, ad_account_id, name, currency, time_zone, account_status) VALUES (${tenantId}, '100', 'Aurora', 'ARS', 'America/Bogota', 1)`,
      );
      await tx.query(
        sql.unsafe`INSERT INTO meta_ads_campaigns (tenant_id, meta_campaign_id, meta_account_id, name, currency) VALUES (${tenantId}, '200', '100', 'Implantes', 'ARS')`,
      );
      await tx.query(
        sql.unsafe`INSERT INTO meta_ads_insights (tenant_id, meta_campaign_id, meta_account_id, date, currency) VALUES (${tenantId}, '200', '100', CURRENT_DATE, 'ARS')`,
      );
    });
  }
});

const tenantTables = () =>
  asAdmin(db.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
      WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace`);
    return rows.map(({ name }) => name);
  });

describe('tenancy', () => {
  it('forces row-level security on every table that has a tenant, partitions included', async () => {
    const open = await asAdmin(db.adminUrl, async (client) => {
      const { rows } = await client.query<{ relname: string }>(`
        SELECT c.relname FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`);
      return rows.map(({ relname }) => relname);
    });
    expect(open.sort()).toEqual(['installation_state', 'schema_migrations']);
  });

  it('shows no row of any tenant table while no tenant is set', async () => {
    for (const name of await tenantTables()) {
      const count = await db.database.pool.oneFirst(
        sql.unsafe`SELECT count(*) FROM ${sql.identifier([name])} WHERE tenant_id IS NOT NULL`,
      );
      expect([name, count]).toEqual([name, 0]);
    }
  });

  it("shows one tenant's rows to that tenant only", async () => {
    for (const table of ['leads', 'ad_accounts', 'meta_ads_campaigns', 'meta_ads_insights', 'tenants']) {
      const column = table === 'tenants' ? 'id' : 'tenant_id';
      const seen = await db.database.inTenant(mine, (tx) =>
        tx.anyFirst(sql.unsafe`SELECT DISTINCT ${sql.identifier([column])} FROM ${sql.identifier([table])}`),
      );
      expect([table, seen]).toEqual([table, [mine]]);
    }
  });

  it("refuses to write a row into another tenant, and to take another tenant's row", async () => {
    const write = db.database.inTenant(mine, (tx) =>
      tx.query(sql.unsafe`INSERT INTO leads (tenant_id) VALUES (${theirs})`),
    );
    await expect(write).rejects.toThrow(/row-level security/);
    const taken = await db.database.inTenant(mine, (tx) =>
      tx.query(sql.unsafe`UPDATE leads SET full_name = 'x' WHERE tenant_id = ${theirs}`),
    );
    expect(taken.rowCount).toBe(0);
  });

  it('gives the application role no rights on a partition itself', async () => {
    const partition = await asAdmin(db.adminUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        'SELECT tableoid::regclass::text AS name FROM meta_ads_insights LIMIT 1',
      );
      return rows[0]?.name ?? '';
    });
    await expect(
      db.database.inTenant(mine, (tx) => tx.any(sql.unsafe`SELECT * FROM ${sql.identifier([partition])}`)),
    ).rejects.toThrow(/permission denied/);
  });

  it('refuses a foreign key that reaches into another tenant', async () => {
    const leadOfTheirs = await db.database.inTenant(theirs, (tx) =>
      tx.oneFirst(sql.type(z.object({ id: z.string() }))`SELECT id FROM leads LIMIT 1`),
    );
    const touch = db.database.inTenant(mine, (tx) =>
      tx.query(
        sql.unsafe`INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at) VALUES (${mine}, ${leadOfTheirs}, 'form', now())`,
      ),
    );
    await expect(touch).rejects.toThrow(/foreign key/i);
  });

  it('lets the audit trail grow and never change', async () => {
    await expect(db.database.inTenant(mine, (tx) => tx.query(sql.unsafe`DELETE FROM system_events`))).rejects.toThrow(
      /permission denied/,
    );
  });

  it('reads across tenants only through the functions that docs/security.md lists', async () => {
    const functions = await asAdmin(db.adminUrl, async (client) => {
      const { rows } = await client.query<{ proname: string; owner: string; fixed: boolean; open: boolean }>(`
        SELECT p.proname, r.rolname AS owner, p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AS fixed, has_function_privilege('public', p.oid, 'EXECUTE') AS open
        FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace ORDER BY p.proname`);
      return rows;
    });
    const listed = [
      ...readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8').matchAll(/^\| `(\w+)`/gm),
    ].map(([, name]) => name);
    expect(functions.map(({ proname }) => proname)).toEqual(listed.sort());
    for (const { owner, fixed, open } of functions)
      expect({ owner, fixed, open }).toEqual({ owner: 'hub_lookup', fixed: true, open: false });
  });

  it('refuses a tenant id that is not an integer', () => {
    expect(() => db.database.inTenant('1' as never, async () => {})).toThrow(TypeError);
  });

  it('throws when a row is not what its schema says', async () => {
    const wrong = sql.type(z.object({ n: z.string() }))`SELECT 1 AS n`;
    await expect(db.database.pool.one(wrong)).rejects.toThrow();
  });
});
