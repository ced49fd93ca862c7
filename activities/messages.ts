import type { Metrics } from '../adapters/metrics.ts';
import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { ClaimedMessage, OutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import type { SendOutcome, TemplateMessage } from '../adapters/ycloud/client.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface MessageDeps {
  outbound: OutboundMessages;
  credentials: Pick<Credentials, 'ycloudKey'>;
  ycloud: { sendTemplate(key: string, message: TemplateMessage): Promise<SendOutcome> };
  live: LiveUpdates;
  metrics: Pick<Metrics, 'messages'>;
  /** Counts against the sender's rate. Throws AppError `rate_limited`: the activity waits and is tried again, nothing claimed. */
  takeSendSlot: (tenantId: number) => Promise<void>;
  /** Logs each decision when ENABLE_AUTOMATION_DIAGNOSTICS is on. */
  diagnose: (decision: { tenantId: number; runId: string; outcome: string; reason?: string }) => void;
  now?: () => Date;
}

/** `sent`: the message left, or may have left. `again`: certainly not sent, or not allowed yet. `ended`: nothing more will be sent. */
export type Dispatched =
  | { outcome: 'sent' }
  | { outcome: 'again'; until: number }
  | { outcome: 'ended'; reason: string };

const MAY_HAVE_LEFT: ReadonlySet<string> = new Set(['accepted', 'sent', 'delivered', 'read', 'unconfirmed']);

export type MessageActivities = ReturnType<typeof createMessageActivities>;

/** The outbound protocol: one activity, whole. It may be repeated at any point: the claim decides what a repeat may do. */
export function createMessageActivities(deps: MessageDeps) {
  const { outbound, credentials, ycloud, live, takeSendSlot, diagnose, now = () => new Date() } = deps;
  return {
    /** Claims, posts, settles. An unclear outcome is a result, never an error: an error would be tried again. */
    async dispatchMessage({ tenantId, runId }: { tenantId: number; runId: string }): Promise<Dispatched> {
      // Read first: a missing key must not leave a claimed row `sending`.
      const key = await credentials.ycloudKey(tenantId).catch(nullWhenMisconfigured);
      if (key === null) {
        await outbound.skip(tenantId, runId, 'no_api_key');
        diagnose({ tenantId, runId, outcome: 'skip', reason: 'no_api_key' });
        return { outcome: 'ended', reason: 'no_api_key' };
      }
      await takeSendSlot(tenantId);
      const claim = await outbound.claim(tenantId, runId, now());
      const reason = 'reason' in claim ? { reason: claim.reason } : {};
      diagnose({ tenantId, runId, outcome: claim.decision, ...reason });
      if (claim.decision === 'wait') return { outcome: 'again', until: claim.until };
      if (claim.decision === 'skip') return { outcome: 'ended', reason: claim.reason };
      if (claim.decision === 'already')
        return MAY_HAVE_LEFT.has(claim.state) ? { outcome: 'sent' } : { outcome: 'ended', reason: claim.state };
      live.publish(tenantId, 'messages');
      const result = await settle(deps, tenantId, claim.message, await ycloud.sendTemplate(key, claim.message), now());
      live.publish(tenantId, 'messages');
      return result;
    },
  };
}

/** No key, or one that does not open: a reason to log, like any other check that fails. */
function nullWhenMisconfigured(error: unknown): null {
  if (error instanceof AppError && error.code === 'misconfigured') return null;
  throw error;
}

async function settle(
  { outbound, metrics }: MessageDeps,
  tenantId: number,
  message: ClaimedMessage,
  outcome: SendOutcome,
  at: Date,
): Promise<Dispatched> {
  metrics.messages.inc({ status: outcome.outcome });
  const report = {
    externalId: message.externalId,
    providerId: null,
    wamid: null,
    at,
    errorCode: null,
    price: null,
    currency: null,
  };
  switch (outcome.outcome) {
    case 'accepted':
      await outbound.settle(tenantId, {
        ...report,
        state: 'accepted',
        providerId: outcome.providerId,
        wamid: outcome.wamid,
        price: outcome.price,
        currency: outcome.currency,
      });
      return { outcome: 'sent' };
    case 'rejected':
      await outbound.settle(tenantId, { ...report, state: 'rejected', errorCode: outcome.code });
      return { outcome: 'ended', reason: 'rejected' };
    case 'not_sent':
      await outbound.handBack(tenantId, message.messageId);
      return { outcome: 'again', until: at.getTime() + outcome.retryAfterMs };
    case 'unclear':
      await outbound.markUnconfirmed(tenantId, message.messageId, outcome.why);
      return { outcome: 'sent' };
  }
}
