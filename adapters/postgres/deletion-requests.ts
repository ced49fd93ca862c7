import { sql } from 'slonik';
import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';
import type { Database } from './pool.ts';

const stateRow = z
  .object({
    state: z.enum(['requested', 'erasing', 'done']),
    requested_at: z.date(),
    finished_at: z.date().nullable(),
  })
  .transform((row) => ({ state: row.state, requestedAt: row.requested_at, finishedAt: row.finished_at }));
/** How far an erasure is, for the person who asked. */
export type DeletionState = z.output<typeof stateRow>;

const requestRow = z.object({ meta_user_id: z.string().nullable(), requested_at: z.date() });
const codeRow = z.object({ confirmation_code: z.string() });

export type DeletionRequests = ReturnType<typeof createDeletionRequests>;

/** Requests to erase a person of Meta: of the whole installation, so outside of any tenant. */
export function createDeletionRequests({ pool, vault }: Pick<Database, 'pool'> & { vault: Vault }) {
  return {
    /** Notes a request. The same code again changes nothing: Meta may repeat its call. */
    async note(confirmationCode: string, metaUserId: string): Promise<void> {
      await pool.query(sql.unsafe`
        INSERT INTO deletion_requests (confirmation_code, meta_user_id) VALUES (${confirmationCode}, ${vault.seal(metaUserId)})
        ON CONFLICT DO NOTHING`);
    },
    maybeState: (confirmationCode: string): Promise<DeletionState | null> =>
      pool.maybeOne(sql.type(stateRow)`
        SELECT state, requested_at, finished_at FROM deletion_requests WHERE confirmation_code = ${confirmationCode}`),
    /** Codes whose erasure nobody has begun. */
    due: async (limit = 100): Promise<string[]> => {
      const rows = await pool.any(sql.type(codeRow)`
        SELECT confirmation_code FROM deletion_requests WHERE state = 'requested' ORDER BY requested_at LIMIT ${limit}`);
      return rows.map((row) => row.confirmation_code);
    },
    async markErasing(confirmationCode: string): Promise<void> {
      await pool.query(sql.unsafe`
        UPDATE deletion_requests SET state = 'erasing' WHERE confirmation_code = ${confirmationCode} AND state = 'requested'`);
    },
    /** Whom to erase, and what is older than the request; null once it is done. @throws AppError `not_found` */
    async personOf(confirmationCode: string): Promise<{ metaUserId: string; until: Date } | null> {
      const row = await pool.maybeOne(sql.type(requestRow)`
        SELECT meta_user_id, requested_at FROM deletion_requests WHERE confirmation_code = ${confirmationCode}`);
      if (row === null) throw new AppError('not_found', 'no such deletion request');
      return row.meta_user_id === null ? null : { metaUserId: vault.open(row.meta_user_id), until: row.requested_at };
    },
    /** The person's id goes last, with the work. */
    async finish(confirmationCode: string): Promise<void> {
      await pool.query(sql.unsafe`
        UPDATE deletion_requests SET state = 'done', finished_at = now(), meta_user_id = NULL
        WHERE confirmation_code = ${confirmationCode} AND state <> 'done'`);
    },
  };
}
