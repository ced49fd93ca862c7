import type { MetaClient } from '../adapters/meta/client.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { MetaUsers } from '../adapters/postgres/meta-users.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import { AppError } from '../domain/error.ts';

/** What became of the permissions at Meta: given back, left because another tenant lives on them, or out of reach. */
export type AtMeta = 'revoked' | 'shared' | 'not_revoked';

/** Takes the app off those of the pages that no other tenant uses. */
export async function unsubscribeAlone(
  { meta, pages }: { meta: Pick<MetaClient, 'unsubscribe'>; pages: Pages },
  tenantId: number,
  leaving: readonly { pageId: string; accessToken: string }[],
): Promise<void> {
  for (const { pageId, accessToken } of leaving) {
    const others = (await pages.tenantsOf(pageId)).filter((other) => other !== tenantId);
    if (others.length > 0) continue;
    try {
      await meta.unsubscribe(accessToken, pageId);
    } catch (error) {
      // A dead token or a lost role cannot unsubscribe; leads of the page become orphans here, so nothing is lost by going on.
      if (!(error instanceof AppError)) throw error;
    }
  }
}

/** Gives the person's permissions back, which ends every token of theirs: so only when no other tenant holds one, or is about to. */
export async function revokeAlone(
  {
    meta,
    connections,
    metaUsers,
  }: { meta: Pick<MetaClient, 'revoke'>; connections: Connections; metaUsers: Pick<MetaUsers, 'sharersOf'> },
  tenantId: number,
): Promise<AtMeta> {
  if ((await metaUsers.sharersOf(tenantId)) > 0) return 'shared';
  try {
    const { token } = await connections.withToken(tenantId);
    await meta.revoke(token);
    return 'revoked';
  } catch (error) {
    // A dead token cannot revoke, and nobody waits for Meta to come back: our copy is erased all the same, and the page says so.
    if (!(error instanceof AppError)) throw error;
    return 'not_revoked';
  }
}
