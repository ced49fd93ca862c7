import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const business = z.object({ businessId: z.string(), name: z.string() });
const adAccount = z.object({
  adAccountId: z.string(),
  name: z.string(),
  status: z.number(),
  currency: z.string(),
  timeZone: z.string(),
  businessId: z.string().nullable(),
});
const page = z.object({ pageId: z.string(), name: z.string(), tasks: z.array(z.string()), hasToken: z.boolean() });

const attemptRow = z
  .object({
    id: z.string(),
    user_id: z.string().nullable(),
    status: z.enum([
      'started',
      'returned',
      'exchanged',
      'business_selected',
      'assets_selected',
      'confirmed',
      'failed',
      'superseded',
    ]),
    error: z.string().nullable(),
    scopes: z.array(z.string()),
    missing_scopes: z.array(z.string()),
    businesses: z.array(business),
    business_id: z.string().nullable(),
    assets: z.object({ adAccounts: z.array(adAccount), pages: z.array(page) }),
    ad_account_ids: z.array(z.string()),
    page_ids: z.array(z.string()),
    expires_at: z.date(),
    returned_at: z.date().nullable(),
    delivered_at: z.date().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    userId: row.user_id,
    status: row.status,
    error: row.error,
    scopes: row.scopes,
    missingScopes: row.missing_scopes,
    businesses: row.businesses,
    businessId: row.business_id,
    adAccounts: row.assets.adAccounts,
    pages: row.assets.pages,
    adAccountIds: row.ad_account_ids,
    pageIds: row.page_ids,
    expiresAt: row.expires_at,
    returnedAt: row.returned_at,
    deliveredAt: row.delivered_at,
  }));
/** One press of "Connect", as the wizard shows it: no secret. */
export type Attempt = z.output<typeof attemptRow>;

const secretsRow = z.object({
  code: z.string().nullable(),
  code_verifier: z.string().nullable(),
  access_token: z.string().nullable(),
  token_expires_at: z.date().nullable(),
  data_access_expires_at: z.date().nullable(),
  meta_user_id: z.string().nullable(),
  returned_at: z.date().nullable(),
});
const idRow = z.object({ id: z.string() });
const hashRow = z.object({ state_hash: z.instanceof(Buffer) });

/** The token a person just granted, before it is confirmed. */
export interface Candidate {
  accessToken: string;
  expiresAt: Date | null;
  dataAccessExpiresAt: Date | null;
  metaUserId: string | null;
}

export type OauthAttempts = ReturnType<typeof createOauthAttempts>;

/** The sign-ins at Meta. Code, verifier and candidate token are sealed, and erased when an attempt ends. */
export function createOauthAttempts({ inTenant, vault }: Pick<Database, 'inTenant'> & { vault: Vault }) {
  const sealed = (plain: string | null) => (plain === null ? null : vault.seal(plain));
  return {
    /** A new attempt, its state known by hash only. */
    start: (
      tenantId: number,
      attempt: { id: string; userId: string | null; stateHash: Buffer; codeVerifier: string | null; expiresAt: Date },
      actor: Actor,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          INSERT INTO oauth_attempts (id, tenant_id, user_id, state_hash, code_verifier, expires_at)
          VALUES (${attempt.id}, ${tenantId}, ${attempt.userId}, ${sql.binary(attempt.stateHash)},
            ${sealed(attempt.codeVerifier)}, ${attempt.expiresAt.toISOString()}::timestamptz)`);
        await audited(tx, {
          tenantId,
          name: 'connection.sign_in_started',
          actor,
          object: connectionOf(tenantId),
          details: { attemptId: attempt.id },
        });
      }),
    byId: (tenantId: number, id: string): Promise<Attempt> => inTenant(tenantId, (tx) => attemptById(tx, tenantId, id)),
    /** The hash a returning state must match, or null when the tenant has no such attempt. */
    maybeStateHash: (tenantId: number, id: string): Promise<Buffer | null> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(hashRow)`
          SELECT state_hash FROM oauth_attempts WHERE tenant_id = ${tenantId} AND id = ${id}`);
        return row?.state_hash ?? null;
      }),
    /**
     * Parks what Meta's dialog brought back, once: a one-time code, or the reason there is none. False when the attempt had returned before or
     * its ten minutes are over; a repeat changes nothing.
     */
    park: (tenantId: number, id: string, returned: { code: string } | { error: string }): Promise<boolean> =>
      inTenant(tenantId, async (tx) => {
        const error = 'error' in returned ? returned.error : null;
        const row = await tx.maybeOne(sql.type(idRow)`
          UPDATE oauth_attempts SET returned_at = now(), error = ${error},
            status = ${error === null ? 'returned' : 'failed'}, code = ${'code' in returned ? vault.seal(returned.code) : null}
          WHERE tenant_id = ${tenantId} AND id = ${id} AND status = 'started' AND expires_at > now()
          RETURNING id`);
        if (row === null) return false;
        await auditStep(tx, tenantId, id, { step: error === null ? 'returned' : 'failed', error });
        return true;
      }),
    /** The dispatcher has told the workflow; it is not told again. */
    markDelivered: (tenantId: number, id: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE oauth_attempts SET delivered_at = now() WHERE tenant_id = ${tenantId} AND id = ${id}`);
      }),
    /** The parked code and its verifier. `invalid` when there is none or its ten minutes are over. */
    codeOf: (
      tenantId: number,
      id: string,
      maxAgeMs: number,
    ): Promise<{ code: string; codeVerifier: string | undefined }> =>
      inTenant(tenantId, async (tx) => {
        const { code, code_verifier, returned_at } = await secretsById(tx, tenantId, id);
        const age = Date.now() - (returned_at?.getTime() ?? 0);
        if (code === null || age > maxAgeMs) throw new AppError('invalid', `attempt ${id} has no living code`);
        return { code: vault.open(code), codeVerifier: code_verifier === null ? undefined : vault.open(code_verifier) };
      }),
    /** The candidate token. `invalid` when the attempt has none (any more). */
    candidateOf: (tenantId: number, id: string): Promise<Candidate> =>
      inTenant(tenantId, async (tx) => {
        const row = await secretsById(tx, tenantId, id);
        if (row.access_token === null) throw new AppError('invalid', `attempt ${id} has no token`);
        return {
          accessToken: vault.open(row.access_token),
          expiresAt: row.token_expires_at,
          dataAccessExpiresAt: row.data_access_expires_at,
          metaUserId: row.meta_user_id,
        };
      }),
    saveExchanged: (
      tenantId: number,
      id: string,
      found: Candidate & Pick<Attempt, 'scopes' | 'missingScopes' | 'businesses'>,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE oauth_attempts SET status = 'exchanged', code = NULL, code_verifier = NULL,
            access_token = ${vault.seal(found.accessToken)},
            token_expires_at = ${found.expiresAt?.toISOString() ?? null}::timestamptz,
            data_access_expires_at = ${found.dataAccessExpiresAt?.toISOString() ?? null}::timestamptz,
            meta_user_id = ${found.metaUserId}, scopes = ${sql.array(found.scopes, 'text')},
            missing_scopes = ${sql.array(found.missingScopes, 'text')}, businesses = ${sql.jsonb(found.businesses)}
          WHERE tenant_id = ${tenantId} AND id = ${id} AND status = 'returned'`);
        await auditStep(tx, tenantId, id, { step: 'exchanged', missingScopes: found.missingScopes });
      }),
    saveBusiness: (
      tenantId: number,
      id: string,
      { businessId, adAccounts, pages }: Pick<Attempt, 'businessId' | 'adAccounts' | 'pages'>,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE oauth_attempts SET status = 'business_selected', business_id = ${businessId},
            assets = ${sql.jsonb({ adAccounts, pages })}, ad_account_ids = '{}', page_ids = '{}'
          WHERE tenant_id = ${tenantId} AND id = ${id}`);
        await auditStep(tx, tenantId, id, { step: 'business_selected', businessId });
      }),
    saveAssets: (
      tenantId: number,
      id: string,
      { adAccountIds, pageIds }: Pick<Attempt, 'adAccountIds' | 'pageIds'>,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE oauth_attempts SET status = 'assets_selected', ad_account_ids = ${sql.array(adAccountIds, 'text')},
            page_ids = ${sql.array(pageIds, 'text')}
          WHERE tenant_id = ${tenantId} AND id = ${id}`);
        await auditStep(tx, tenantId, id, { step: 'assets_selected', adAccountIds, pageIds });
      }),
    /** Ends an attempt that is still open, with an error code the wizard has words for. Repeating it is harmless. */
    fail: (tenantId: number, id: string, error: string): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(idRow)`
          UPDATE oauth_attempts SET status = 'failed', error = ${error}, code = NULL, code_verifier = NULL, access_token = NULL
          WHERE tenant_id = ${tenantId} AND id = ${id} AND status NOT IN ('confirmed', 'failed', 'superseded')
          RETURNING id`);
        if (row !== null) await auditStep(tx, tenantId, id, { step: 'failed', error });
      }),
  };
}

/** Ends every open attempt but one, inside the caller's transaction. */
export async function supersedeOthers(tx: Tx, tenantId: number, id: string | null): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE oauth_attempts SET status = 'superseded', code = NULL, code_verifier = NULL, access_token = NULL
    WHERE tenant_id = ${tenantId} AND id IS DISTINCT FROM ${id}::uuid AND status NOT IN ('confirmed', 'failed', 'superseded')`);
}

/** Ends a confirmed attempt and erases its secrets, inside the caller's transaction. */
export async function markConfirmed(tx: Tx, tenantId: number, id: string): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE oauth_attempts SET status = 'confirmed', access_token = NULL, code = NULL, code_verifier = NULL
    WHERE tenant_id = ${tenantId} AND id = ${id}`);
}

/** The audit trail's name of a tenant's one connection. */
export const connectionOf = (tenantId: number) => ({ type: 'connection', id: String(tenantId) });

/** Who acts in an attempt: the person who started it. */
export const actorOf = ({ id, userId }: Pick<Attempt, 'id' | 'userId'>): Actor =>
  userId === null ? system(`attempt:${id}`) : { type: 'user', id: userId };

async function attemptById(tx: Tx, tenantId: number, id: string): Promise<Attempt> {
  const row = await tx.maybeOne(sql.type(attemptRow)`
    SELECT id, user_id, status, error, scopes, missing_scopes, businesses, business_id, assets, ad_account_ids, page_ids,
      expires_at, returned_at, delivered_at
    FROM oauth_attempts WHERE tenant_id = ${tenantId} AND id = ${id}`);
  if (row === null) throw new AppError('not_found', `attempt ${id}`);
  return row;
}

async function secretsById(tx: Tx, tenantId: number, id: string): Promise<z.output<typeof secretsRow>> {
  const row = await tx.maybeOne(sql.type(secretsRow)`
    SELECT code, code_verifier, access_token, token_expires_at, data_access_expires_at, meta_user_id, returned_at
    FROM oauth_attempts WHERE tenant_id = ${tenantId} AND id = ${id}`);
  if (row === null) throw new AppError('not_found', `attempt ${id}`);
  return row;
}

async function auditStep(
  tx: Tx,
  tenantId: number,
  id: string,
  details: Readonly<Record<string, string | null | readonly string[]>>,
): Promise<void> {
  const { userId } = await attemptById(tx, tenantId, id);
  await audited(tx, {
    tenantId,
    name: 'connection.sign_in_moved',
    actor: actorOf({ id, userId }),
    object: connectionOf(tenantId),
    details: { attemptId: id, ...details },
  });
}
