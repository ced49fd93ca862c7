import type { Metrics } from '../adapters/metrics.ts';
import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { Senders } from '../adapters/postgres/senders.ts';
import type { VaultEntries } from '../adapters/postgres/vault-entries.ts';
import type { YCloud } from '../adapters/ycloud/client.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { isLowBalance, NOTICE_EVENTS, noticesTo } from '../domain/whatsapp-notices.ts';

export interface WhatsappNoticeDeps {
  ycloud: Pick<
    YCloud,
    'webhookEndpoints' | 'createWebhookEndpoint' | 'updateWebhookEndpoint' | 'rotateWebhookSecret' | 'balance'
  >;
  credentials: Pick<Credentials, 'ycloudKey'>;
  vaultEntries: Pick<VaultEntries, 'listForTenant' | 'save'>;
  senders: Pick<Senders, 'noteBalance' | 'maybeBalance'>;
  metrics: Pick<Metrics, 'balanceLow'>;
  publicUrl: string;
}

/**
 * `shared`: the tenant lives on the installation's key, whose notices the operator has set up. `no_secret`: YCloud knows our address and we do not
 * know what it signs with. `unknown`: YCloud gave no answer.
 */
export type NoticeState = 'complete' | 'partial' | 'missing' | 'no_secret' | 'shared' | 'unknown';

export type WhatsappNotices = ReturnType<typeof createWhatsappNotices>;

/** Whether YCloud tells us what becomes of messages, and whether there is money left to send them. */
export function createWhatsappNotices(deps: WhatsappNoticeDeps) {
  const { ycloud, credentials, senders, metrics, publicUrl } = deps;
  const urlOf = (tenantId: number): string => `${publicUrl}/webhook/ycloud/${tenantId}`;
  return {
    urlOf,
    async stateOf(tenantId: number): Promise<NoticeState> {
      const own = await ownSecrets(deps, tenantId);
      if (!own.hasKey) return 'shared';
      try {
        const endpoints = await ycloud.webhookEndpoints(await credentials.ycloudKey(tenantId));
        const state = noticesTo(urlOf(tenantId), endpoints);
        return state === 'complete' && !own.hasWebhookSecret ? 'no_secret' : state;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return 'unknown';
      }
    },
    /**
     * Tells YCloud our address, with all events we use, and keeps the secret it signs with. Safe to repeat.
     * @throws AppError `conflict` on the installation's key, `unauthorized`, `rate_limited`, `unavailable`
     */
    async register(tenantId: number, actor: Actor): Promise<void> {
      const { hasKey, hasWebhookSecret } = await ownSecrets(deps, tenantId);
      if (!hasKey) throw new AppError('conflict', 'the installation receives for this tenant');
      const key = await credentials.ycloudKey(tenantId);
      const [url, enabledEvents] = [urlOf(tenantId), NOTICE_EVENTS];
      const ours = (await ycloud.webhookEndpoints(key)).find((endpoint) => endpoint.url === url);
      if (ours !== undefined) await ycloud.updateWebhookEndpoint(key, ours.id, { status: 'active', enabledEvents });
      if (ours !== undefined && hasWebhookSecret) return;
      const secret =
        ours === undefined
          ? await ycloud.createWebhookEndpoint(key, { url, enabledEvents })
          : await ycloud.rotateWebhookSecret(key, ours.id);
      await deps.vaultEntries.save(
        tenantId,
        { provider: 'ycloud', category: 'webhook_secret', secret, settings: {} },
        null,
        actor,
      );
    },
    /** Reads what is left and keeps it; counts when it is low, so that somebody hears of it before a send fails. */
    async noteBalance(tenantId: number): Promise<void> {
      await senders.noteBalance(tenantId, await ycloud.balance(await credentials.ycloudKey(tenantId)));
      const left = await senders.maybeBalance(tenantId);
      if (left !== null && isLowBalance(left.amount, left.spentInAWeek)) metrics.balanceLow.inc();
    },
  };
}

async function ownSecrets({ vaultEntries }: Pick<WhatsappNoticeDeps, 'vaultEntries'>, tenantId: number) {
  const own = (await vaultEntries.listForTenant(tenantId)).filter(
    ({ provider, is_global }) => provider === 'ycloud' && !is_global,
  );
  const has = (category: string) => own.some((entry) => entry.category === category);
  return { hasKey: has('api_key'), hasWebhookSecret: has('webhook_secret') };
}
