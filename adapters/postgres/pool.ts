import {
  createPool,
  createTypeParserPreset,
  type DatabasePool,
  type DatabaseTransactionConnection,
  type DriverTypeParser,
  type FragmentSqlToken,
  type Interceptor,
  type QueryResultRow,
  SchemaValidationError,
  sql,
} from 'slonik';
import type { z } from 'zod';

/** A transaction inside one tenant: every query in it sees that tenant's rows and no other. */
export type Tx = DatabaseTransactionConnection;

/** The application role's database. `inTenant` is the only way to a tenant's rows. */
export interface Database {
  readonly pool: DatabasePool;
  /**
   * Runs `work` in one transaction as `tenantId`. It is run again when PostgreSQL asks for it (class 40), so it holds no side effects;
   * pass `tx` down and never open a second transaction inside.
   */
  inTenant<T>(tenantId: number, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * One row of `columns`, each a scalar subquery, read as `tenantId` in one prepared statement: a quarter of the round trips of a transaction.
   * `name` stands for this statement alone.
   */
  rowInTenant<T>(tenantId: number, name: string, schema: z.ZodType<T>, columns: FragmentSqlToken): Promise<T>;
  /** Whether PostgreSQL answers now. Never throws. */
  isUp(): Promise<boolean>;
  end(): Promise<void>;
}

/**
 * Names the tenant inside a statement that has no transaction around it. A subquery with a side effect is never merged with what is around it, and the
 * subqueries of the select list run only once its row is there; if they ever ran before it, they would find nothing.
 */
export const asTenant = (tenantId: FragmentSqlToken): FragmentSqlToken =>
  sql.fragment`set_config('hub.tenant_id', ${tenantId}::text, true)`;

// Without it rows are not checked against their schemas at all.
const resultParser: Interceptor = {
  name: 'result-parser',
  transformRow: ({ resultParser: schema }, query, row) => {
    if (!schema) return row;
    const result = schema['~standard'].validate(row);
    if (result instanceof Promise) throw new TypeError('row schemas are synchronous');
    if (result.issues) throw new SchemaValidationError(query, row, result.issues);
    return result.value as QueryResultRow;
  },
};

// int8 as a safe integer, money as exact text, times as Date; `date` stays text.
const typeParsers: DriverTypeParser[] = [
  ...createTypeParserPreset().filter(({ name }) => !['int8', 'numeric', 'timestamptz'].includes(name)),
  { name: 'int8', parse: safeInteger },
  { name: 'numeric', parse: (value) => value },
  { name: 'timestamptz', parse: (value) => new Date(value) },
];

/** Connects as the application role. Rejects at once when the database is down: the caller decides whether to try again. */
export async function connectDatabase(
  url: string,
  { maxPoolSize = 10 }: { maxPoolSize?: number } = {},
): Promise<Database> {
  const pool = await createPool(url, {
    interceptors: [resultParser],
    typeParsers,
    maxPoolSize,
    idleTimeout: 60_000,
    statementTimeout: 15_000,
    // The default, DISCARD ALL, costs a round trip; the tenant is set per transaction and ends with it.
    resetConnection: async () => {},
  });
  pool.on('error', () => {}); // a lost connection shows as a failed query; without a listener it ends the program
  return {
    pool,
    inTenant: (tenantId, work) => {
      if (!Number.isInteger(tenantId)) throw new TypeError('tenant_id is an integer');
      return pool.transaction(async (tx) => {
        // Compiling a statement takes longer than any of ours runs.
        await tx.query(
          sql.unsafe`SELECT set_config('hub.tenant_id', ${String(tenantId)}, true), set_config('jit', 'off', true)`,
        );
        return work(tx);
      });
    },
    rowInTenant: (tenantId, name, schema, columns) => {
      if (!Number.isInteger(tenantId)) throw new TypeError('tenant_id is an integer');
      return pool.one(sql.prepared(name, schema as z.ZodType<never>)`
        SELECT ${columns} FROM (SELECT ${asTenant(sql.fragment`${tenantId}::int`)} AS id) AS tenant WHERE tenant.id IS NOT NULL`);
    },
    isUp: () =>
      pool.query(sql.unsafe`SELECT 1`).then(
        () => true,
        () => false,
      ),
    end: () => pool.end(),
  };
}

function safeInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError('int8 beyond 2^53');
  return number;
}
