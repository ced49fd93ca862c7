import { sql } from 'slonik';
import { z } from 'zod';
import { system } from '../../domain/actor.ts';
import { tenantIds } from './gauges.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

/** Every column that holds Fernet text, with the key of its row. A test looks for such text anywhere else. */
const OF_TENANTS = [
  { table: 'meta_tokens', key: 'id', column: 'access_token' },
  { table: 'pages', key: 'page_id', column: 'access_token' },
  { table: 'oauth_attempts', key: 'id', column: 'code' },
  { table: 'oauth_attempts', key: 'id', column: 'code_verifier' },
  { table: 'oauth_attempts', key: 'id', column: 'access_token' },
  { table: 'credentials', key: 'id', column: 'secret' },
] as const;
const OF_INSTALLATION = [
  { table: 'credentials', key: 'id', column: 'secret' },
  { table: 'deletion_requests', key: 'confirmation_code', column: 'meta_user_id' },
] as const;

interface SealedColumn {
  table: string;
  key: string;
  column: string;
}

/** How many texts were sealed anew, how many had the newest key already, and which no key opens (`table/row`). */
export interface Rotation {
  resealed: number;
  current: number;
  unreadable: string[];
}

/** The text under the newest key; null when it is already. Throws when no key opens it. */
export type Reseal = (sealed: string) => string | null;

const sealedRow = z.object({ key: z.string(), sealed: z.string() });
const BATCH = 500;

/**
 * Seals everything with the newest key while the programs go on: a batch a transaction, a row only where it still holds what was read. Safe to
 * stop and to start again. `owner` writes the installation's own credentials, which the programs' role
 * may only read.
 */
export async function rotateSealed(app: Database, owner: Database, reseal: Reseal): Promise<Rotation> {
  const rotation: Rotation = { resealed: 0, current: 0, unreadable: [] };
  for (const tenantId of await tenantIds(app.pool)) {
    const before = rotation.resealed;
    for (const column of OF_TENANTS) {
      const where = sql.fragment`tenant_id = ${tenantId}`;
      await rotateColumn((work) => app.inTenant(tenantId, work), column, where, reseal, rotation);
    }
    const count = rotation.resealed - before;
    if (count > 0)
      await app.inTenant(tenantId, (tx) =>
        audited(tx, { tenantId, name: 'vault.rotated', actor: system('vault-rotate'), details: { count } }),
      );
  }
  for (const column of OF_INSTALLATION) {
    const where = column.table === 'credentials' ? sql.fragment`tenant_id IS NULL` : sql.fragment`true`;
    await rotateColumn(
      (work) => (column.table === 'credentials' ? owner : app).pool.transaction(work),
      column,
      where,
      reseal,
      rotation,
    );
  }
  return rotation;
}

type Where = ReturnType<typeof sql.fragment>;
type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

async function rotateColumn(
  inTransaction: InTransaction,
  { table, key, column }: SealedColumn,
  where: Where,
  reseal: Reseal,
  rotation: Rotation,
): Promise<void> {
  const [name, id, text] = [table, key, column].map((each) => sql.identifier([each])) as [
    ReturnType<typeof sql.identifier>,
    ReturnType<typeof sql.identifier>,
    ReturnType<typeof sql.identifier>,
  ];
  let after = '';
  for (;;) {
    const rows = await inTransaction(async (tx) => {
      const batch = await tx.any(sql.type(sealedRow)`
        SELECT ${id}::text AS key, ${text} AS sealed FROM ${name}
        WHERE ${where} AND ${text} IS NOT NULL AND ${id}::text > ${after} ORDER BY ${id}::text LIMIT ${BATCH}`);
      for (const row of batch) {
        const fresh = resealed(reseal, row.sealed, `${table}/${row.key}`, rotation);
        if (fresh === null) continue;
        await tx.query(sql.unsafe`
          UPDATE ${name} SET ${text} = ${fresh} WHERE ${where} AND ${id}::text = ${row.key} AND ${text} = ${row.sealed}`);
        rotation.resealed += 1;
      }
      return batch;
    });
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.key;
  }
}

function resealed(reseal: Reseal, sealed: string, where: string, rotation: Rotation): string | null {
  try {
    const fresh = reseal(sealed);
    if (fresh === null) rotation.current += 1;
    return fresh;
  } catch {
    rotation.unreadable.push(where);
    return null;
  }
}
