import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const ownerRow = z.object({ user_id: z.string() });

export type LinkPurpose = 'invitation' | 'reset';
/** An invitation waits in a mailbox over a holiday; a forgotten password is wanted now. */
const HOURS: Readonly<Record<LinkPurpose, number>> = { invitation: 7 * 24, reset: 1 };
const PURPOSE_NAME = { invitation: 'user.invitation_sent', reset: 'user.reset_asked' } as const;

/** One-time links that let a person set their password. */
export function createPasswordLinks({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** Whose link it is; null when it is unknown, over or used, or the person may not come in. */
    maybeOwner: (tenantId: number, tokenHash: Buffer): Promise<string | null> =>
      inTenant(tenantId, (tx) =>
        tx.maybeOneFirst(sql.type(ownerRow)`
          SELECT l.user_id FROM password_links l JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id AND u.disabled_at IS NULL
          WHERE l.tenant_id = ${tenantId} AND l.token_hash = ${sql.binary(tokenHash)} AND l.expires_at > now()`),
      ),

    /** A person has one living link: a new one ends those before it. */
    issue: (tenantId: number, userId: string, purpose: LinkPurpose, tokenHash: Buffer, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`DELETE FROM password_links WHERE tenant_id = ${tenantId} AND user_id = ${userId}`);
        await tx.query(sql.unsafe`
          INSERT INTO password_links (tenant_id, user_id, purpose, token_hash, expires_at)
          VALUES (${tenantId}, ${userId}, ${purpose}, ${sql.binary(tokenHash)}, now() + ${HOURS[purpose]} * interval '1 hour')`);
        await audited(tx, { tenantId, name: PURPOSE_NAME[purpose], actor, object: { type: 'user', id: userId } });
      }),

    /** Sets the password and ends the link and every session of the person. @throws {AppError} `not_found` when another was quicker */
    redeem: (tenantId: number, userId: string, tokenHash: Buffer, passwordHash: string, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const { rowCount } = await tx.query(sql.unsafe`
          DELETE FROM password_links WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND token_hash = ${sql.binary(tokenHash)} AND expires_at > now()`);
        if (rowCount === 0) throw new AppError('not_found', 'the link was used');
        await tx.query(sql.unsafe`
          UPDATE users SET password_hash = ${passwordHash} WHERE tenant_id = ${tenantId} AND id = ${userId}`);
        await tx.query(sql.unsafe`DELETE FROM sessions WHERE tenant_id = ${tenantId} AND user_id = ${userId}`);
        await audited(tx, { tenantId, name: 'user.password_set', actor, object: { type: 'user', id: userId } });
      }),
  };
}
export type PasswordLinks = ReturnType<typeof createPasswordLinks>;
