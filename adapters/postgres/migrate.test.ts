import { sql } from 'slonik';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { asAdmin } from '../../dev/stack/roles.ts';
import { aCampaign, aDay, anAccount } from '../../test/crm.ts';
import { aTenant, testDatabase } from '../../test/database.ts';
import { migrate } from './migrate.ts';

it('Every migration gives the months ahead their partition, and rows that came too early move into it', async () => {
  const db = await testDatabase();
  const tenantId = await aTenant(db);
  await anAccount(db, tenantId);
  await aCampaign(db, tenantId);
  const month = new Date(Date.UTC(new Date().getUTCFullYear() + 1, new Date().getUTCMonth(), 1));
  const name = `meta_ads_insights_${month.toISOString().slice(0, 7).replace('-', '_')}`;
  const day = `${month.toISOString().slice(0, 7)}-15`;
  await asAdmin(db.adminUrl, (client) => client.query(`DROP TABLE ${name}`));
  await aDay(db, tenantId, day, { spend: '12.34' });
  expect(await migrate(db.ownerUrl)).toEqual([]);
  const spend = await db.database.inTenant(tenantId, (tx) =>
    tx.oneFirst(
      sql.type(z.object({ spend: z.string() }))`SELECT spend FROM meta_ads_insights WHERE date = ${day}::date`,
    ),
  );
  expect(spend).toBe('12.34');
  const facts = await asAdmin(db.adminUrl, async (client) => {
    const { rows } = await client.query(
      `SELECT relrowsecurity AND relforcerowsecurity AS is_closed, has_table_privilege('hub_app', oid, 'SELECT') AS is_open,
        (SELECT count(*)::int FROM ${name}) AS rows, (SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname = 'meta_ads_insights_default') AS default_closed
       FROM pg_class WHERE relname = $1`,
      [name],
    );
    return rows[0];
  });
  expect(facts).toEqual({ is_closed: true, is_open: false, rows: 1, default_closed: true });
  await db.database.inTenant(tenantId, (tx) => tx.query(sql.unsafe`DELETE FROM meta_ads_campaigns`)); // its key cascades there too
  expect(await migrate(db.ownerUrl)).toEqual([]);
});
