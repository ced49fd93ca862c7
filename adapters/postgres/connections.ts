import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import type { Vault } from '../../domain/vault.ts';
import { type AccountFacts, saveSelection } from './ad-accounts.ts';
import { instant } from './instant.ts';
import {
  type Attempt,
  actorOf,
  type Candidate,
  connectionOf,
  markConfirmed,
  supersedeOthers,
} from './oauth-attempts.ts';
import { connectPages, type PageToConnect, releasePages } from './pages.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const status = z.enum(['not_connected', 'connecting', 'connected', 'refreshing', 'reconnect_needed', 'disconnected']);

export const connectionRow = z
  .object({
    status,
    reason: z.string().nullable(),
    attempt_id: z.string().nullable(),
    business_id: z.string().nullable(),
    business_name: z.string().nullable(),
    scopes: z.array(z.string()),
    connected_at: instant.nullable(),
    last_call_at: instant.nullable(),
    served_version: z.string().nullable(),
    issued_at: instant.nullable(),
    refreshed_at: instant.nullable(),
    expires_at: instant.nullable(),
    data_access_expires_at: instant.nullable(),
  })
  .transform((row) => ({
    status: row.status,
    reason: row.reason,
    attemptId: row.attempt_id,
    businessId: row.business_id,
    businessName: row.business_name,
    scopes: row.scopes,
    connectedAt: row.connected_at,
    lastCallAt: row.last_call_at,
    /** Of Graph's last answer; null before the first. */
    servedVersion: row.served_version,
    issuedAt: row.issued_at,
    refreshedAt: row.refreshed_at,
    /** Null = never, or no token. */
    expiresAt: row.expires_at,
    dataAccessExpiresAt: row.data_access_expires_at,
  }));
/** A tenant's connection as the screens show it. */
export type Connection = z.output<typeof connectionRow>;

export const NOT_CONNECTED: Connection = {
  status: 'not_connected',
  reason: null,
  attemptId: null,
  businessId: null,
  businessName: null,
  scopes: [],
  connectedAt: null,
  lastCallAt: null,
  servedVersion: null,
  issuedAt: null,
  refreshedAt: null,
  expiresAt: null,
  dataAccessExpiresAt: null,
};

const tokenRow = z.object({
  status,
  access_token: z.string(),
  version: z.number(),
  expires_at: z.date().nullable(),
  data_access_expires_at: z.date().nullable(),
});
const tenantRow = z.object({ tenant_id: z.number() });

/** A token in the clear, for the length of one call. `version` (epoch ms) tells it from the ones before and after it. */
export interface LivingToken {
  token: string;
  version: number;
  expiresAt: Date | null;
  dataAccessExpiresAt: Date | null;
}

/** Everything a confirmed sign-in brings. */
export interface Confirmation {
  attempt: Attempt;
  token: Candidate;
  business: { id: string | null; name: string | null };
  accounts: readonly AccountFacts[];
  pages: readonly PageToConnect[];
}

export type Connections = ReturnType<typeof createConnections>;

/** The tenant's one connection and its token, sealed. */
export function createConnections({ inTenant, vault }: Pick<Database, 'inTenant'> & { vault: Vault }) {
  const move = (tenantId: number, name: string, actor: Actor, work: (tx: Tx) => Promise<ChangeDetails | null>) =>
    inTenant(tenantId, async (tx) => {
      const details = await work(tx);
      if (details === null) return false;
      await audited(tx, { tenantId, name, actor, object: connectionOf(tenantId), details });
      return true;
    });
  return {
    /** Never fails for a tenant that has not connected yet. */
    byTenant: (tenantId: number): Promise<Connection> => inTenant(tenantId, (tx) => connectionOfTenant(tx, tenantId)),
    /**
     * The token to call Meta with.
     * @throws AppError `reconnect_required` when there is none or Meta refused it.
     */
    withToken: (tenantId: number): Promise<LivingToken> => inTenant(tenantId, (tx) => livingToken(tx, tenantId, vault)),
    /** A sign-in begins: older open ones end; a tenant without a connection becomes `connecting`. */
    begin: (tenantId: number, attemptId: string): Promise<boolean> =>
      move(tenantId, 'connection.attempt_begun', system('connection'), async (tx) => {
        await supersedeOthers(tx, tenantId, attemptId);
        await tx.query(sql.unsafe`
          INSERT INTO connections (tenant_id, status, attempt_id) VALUES (${tenantId}, 'connecting', ${attemptId})
          ON CONFLICT (tenant_id) DO UPDATE SET attempt_id = excluded.attempt_id, updated_at = now(),
            status = CASE WHEN connections.status IN ('not_connected', 'disconnected') THEN 'connecting' ELSE connections.status END`);
        return { attemptId };
      }),
    /** A first sign-in ended without a connection: `connecting` becomes `not_connected`; any other status stays. */
    abandon: (tenantId: number): Promise<boolean> =>
      move(tenantId, 'connection.attempt_abandoned', system('connection'), async (tx) => {
        const row = await tx.maybeOne(sql.type(tenantRow)`
          UPDATE connections SET status = 'not_connected', attempt_id = NULL, updated_at = now()
          WHERE tenant_id = ${tenantId} AND status = 'connecting' RETURNING tenant_id`);
        return row === null ? null : {};
      }),
    /** Token, accounts, pages and status in one transaction; leads that came for the pages before become pending. Safe to repeat. */
    confirm: (tenantId: number, confirmation: Confirmation): Promise<boolean> =>
      move(tenantId, 'connection.connected', actorOf(confirmation.attempt), (tx) =>
        saveConfirmation(tx, tenantId, confirmation, vault),
      ),
    /** A renewal starts. False when there is nothing to renew. */
    markRefreshing: (tenantId: number): Promise<boolean> =>
      move(tenantId, 'connection.refresh_started', system('connection'), async (tx) => {
        const row = await tx.maybeOne(sql.type(tenantRow)`
          UPDATE connections SET status = 'refreshing', updated_at = now()
          WHERE tenant_id = ${tenantId} AND status = 'connected' RETURNING tenant_id`);
        return row === null ? null : {};
      }),
    /** A renewed token takes the old one's place; `moved` tells whether its end really moved. */
    saveRenewal: (tenantId: number, token: Omit<LivingToken, 'version'>, moved: boolean): Promise<boolean> =>
      move(tenantId, 'connection.refreshed', system('connection'), async (tx) => {
        await tx.query(sql.unsafe`
          UPDATE meta_tokens SET access_token = ${vault.seal(token.token)}, refreshed_at = clock_timestamp(), updated_at = now(),
            expires_at = ${iso(token.expiresAt)}::timestamptz, data_access_expires_at = ${iso(token.dataAccessExpiresAt)}::timestamptz
          WHERE tenant_id = ${tenantId}`);
        await tx.query(sql.unsafe`
          UPDATE connections SET status = 'connected', reason = ${moved ? null : 'not_renewed'}, last_call_at = now(), updated_at = now()
          WHERE tenant_id = ${tenantId} AND status IN ('connected', 'refreshing')`);
        return { moved };
      }),
    /** A renewal brought nothing: the old token stays in use, and the banner says why. */
    noteRefreshFailed: (tenantId: number, code: string): Promise<boolean> =>
      move(tenantId, 'connection.refresh_failed', system('connection'), async (tx) => {
        const row = await tx.maybeOne(sql.type(tenantRow)`
          UPDATE connections SET status = 'connected', reason = 'refresh_failed', updated_at = now()
          WHERE tenant_id = ${tenantId} AND status IN ('connected', 'refreshing') RETURNING tenant_id`);
        return row === null ? null : { code };
      }),
    /** The end comes near and renewing brought nothing: kept once for this end and these days before it. False when it stood there already. */
    noteReminder: (tenantId: number, days: number): Promise<boolean> =>
      move(tenantId, 'connection.reminded', system('connection'), async (tx) => {
        const { expiresAt, dataAccessExpiresAt } = await connectionOfTenant(tx, tenantId);
        const details = { days, expiresAt: iso(expiresAt), dataAccessExpiresAt: iso(dataAccessExpiresAt) };
        const isKnown = await tx.exists(sql.unsafe`
          SELECT FROM system_events WHERE tenant_id = ${tenantId} AND name = 'connection.reminded' AND object_type = 'connection'
            AND object_id = ${String(tenantId)} AND details = ${sql.jsonb(details)}`);
        return isKnown ? null : details;
      }),
    /** Meta refused the token. Once only; a refusal of an older token than `tokenVersion` names is ignored: that one is replaced already. */
    markReconnectNeeded: (tenantId: number, reason: string, tokenVersion: number | null): Promise<boolean> =>
      move(tenantId, 'connection.token_rejected', system('connection'), async (tx) => {
        const row = await tx.maybeOne(sql.type(tenantRow)`
          UPDATE connections c SET status = 'reconnect_needed', reason = ${reason}, updated_at = now()
          FROM meta_tokens t
          WHERE c.tenant_id = ${tenantId} AND t.tenant_id = c.tenant_id AND c.status IN ('connected', 'refreshing')
            AND (${tokenVersion}::int8 IS NULL OR ${versionOf} <= ${tokenVersion}::int8)
          RETURNING c.tenant_id`);
        return row === null ? null : { reason };
      }),
    /** Erases token and page tokens and ends open sign-ins; accounts, campaigns and figures stay. `atMeta` notes what became of the permissions. */
    disconnect: (tenantId: number, actor: Actor, atMeta: string): Promise<boolean> =>
      move(tenantId, 'connection.disconnected', actor, async (tx) => {
        await supersedeOthers(tx, tenantId, null);
        await releasePages(tx, tenantId);
        await tx.query(sql.unsafe`DELETE FROM meta_tokens WHERE tenant_id = ${tenantId}`);
        await tx.query(sql.unsafe`
          UPDATE connections SET status = 'disconnected', reason = NULL, attempt_id = NULL, updated_at = now()
          WHERE tenant_id = ${tenantId}`);
        return { atMeta };
      }),
    /** A call to Meta succeeded. Not audited: it changes nothing a person decided. */
    noteCall: (tenantId: number, servedVersion: string | null): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(
          sql.unsafe`UPDATE connections SET last_call_at = now(), served_version = coalesce(${servedVersion}, served_version) WHERE tenant_id = ${tenantId}`,
        );
      }),
  };
}

type ChangeDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

// Epoch milliseconds of the last change of the token itself.
const versionOf = sql.fragment`floor(extract(epoch FROM coalesce(t.refreshed_at, t.created_at)) * 1000)::int8`;
const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

/** Where the tenant's connection stands, inside a transaction that reads more. */
export async function connectionOfTenant(tx: Tx, tenantId: number): Promise<Connection> {
  return (await tx.maybeOne(sql.type(connectionRow)`${connectionQuery(tenantId)}`)) ?? NOT_CONNECTED;
}

export const connectionQuery = (tenantId: number) => sql.fragment`
    SELECT c.status, c.reason, c.attempt_id, c.business_id, c.business_name, c.scopes, c.connected_at, c.last_call_at, c.served_version,
      t.created_at AS issued_at, t.refreshed_at, t.expires_at, t.data_access_expires_at
    FROM connections c LEFT JOIN meta_tokens t ON t.tenant_id = c.tenant_id
    WHERE c.tenant_id = ${tenantId}`;

async function livingToken(tx: Tx, tenantId: number, vault: Vault): Promise<LivingToken> {
  const row = await tx.maybeOne(sql.type(tokenRow)`
    SELECT c.status, t.access_token, ${versionOf} AS version, t.expires_at, t.data_access_expires_at
    FROM connections c JOIN meta_tokens t ON t.tenant_id = c.tenant_id
    WHERE c.tenant_id = ${tenantId}`);
  if (row === null || !['connected', 'refreshing'].includes(row.status))
    throw new AppError('reconnect_required', `tenant ${tenantId} has no living connection`);
  return {
    token: vault.open(row.access_token),
    version: row.version,
    expiresAt: row.expires_at,
    dataAccessExpiresAt: row.data_access_expires_at,
  };
}

async function saveConfirmation(tx: Tx, tenantId: number, given: Confirmation, vault: Vault): Promise<ChangeDetails> {
  const { attempt, token, business, accounts, pages } = given;
  await tx.query(sql.unsafe`
    INSERT INTO meta_tokens (tenant_id, access_token, token_type, expires_at, data_access_expires_at, meta_user_id, business_manager_id, page_id)
    VALUES (${tenantId}, ${vault.seal(token.accessToken)}, 'bearer', ${iso(token.expiresAt)}::timestamptz,
      ${iso(token.dataAccessExpiresAt)}::timestamptz, ${token.metaUserId}, ${business.id}, ${pages[0]?.pageId ?? null})
    ON CONFLICT (tenant_id) DO UPDATE SET access_token = excluded.access_token, expires_at = excluded.expires_at,
      data_access_expires_at = excluded.data_access_expires_at, meta_user_id = excluded.meta_user_id,
      business_manager_id = excluded.business_manager_id, page_id = excluded.page_id, refreshed_at = NULL,
      created_at = clock_timestamp(), updated_at = now()`);
  await saveSelection(tx, tenantId, accounts);
  const adopted = await connectPages(tx, tenantId, pages, vault);
  await tx.query(sql.unsafe`
    INSERT INTO connections (tenant_id, status, attempt_id, meta_user_id, business_id, business_name, scopes, connected_at, last_call_at)
    VALUES (${tenantId}, 'connected', ${attempt.id}, ${token.metaUserId}, ${business.id}, ${business.name},
      ${sql.array(attempt.scopes, 'text')}, now(), now())
    ON CONFLICT (tenant_id) DO UPDATE SET status = 'connected', reason = NULL, attempt_id = excluded.attempt_id,
      meta_user_id = excluded.meta_user_id, business_id = excluded.business_id, business_name = excluded.business_name,
      scopes = excluded.scopes, connected_at = now(), last_call_at = now(), updated_at = now()`);
  await markConfirmed(tx, tenantId, attempt.id);
  return { attemptId: attempt.id, accounts: accounts.length, pages: pages.length, adopted };
}
