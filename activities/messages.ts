import type { Metrics } from '../adapters/metrics.ts';
import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { ClaimByHand, ClaimedText, MessagesByHand } from '../adapters/postgres/messages-by-hand.ts';
import type { Claim, ClaimedMessage, OutboundMessages } from '../adapters/postgres/outbound-messages.ts';
import type { Acted, Colleague } from '../adapters/postgres/rule-actions.ts';
import type { SendOutcome, TemplateMessage, TextMessage } from '../adapters/ycloud/client.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { POST_WITHIN_MS } from '../domain/unconfirmed.ts';

export interface MessageDeps {
  outbound: OutboundMessages;
  byHand: MessagesByHand;
  credentials: Pick<Credentials, 'ycloudKey'>;
  ycloud: {
    sendTemplate(key: string, message: TemplateMessage): Promise<SendOutcome>;
    sendText(key: string, message: TextMessage): Promise<SendOutcome>;
  };
  live: LiveUpdates;
  metrics: Pick<Metrics, 'messages' | 'sendersStopped'>;
  /** Mails somebody of the team that a rule met a lead; nothing of who it is leaves with it. */
  tellColleague: (person: Colleague, news: { leadId: string; ruleName: string }) => Promise<unknown>;
  /** Counts against the sender's rate. Throws AppError `rate_limited`: the activity waits and is tried again, nothing claimed. */
  takeSendSlot: (tenantId: number) => Promise<void>;
  /** Logs each decision when ENABLE_AUTOMATION_DIAGNOSTICS is on. */
  diagnose: (decision: {
    tenantId: number;
    runId?: string;
    messageId?: string;
    outcome: string;
    reason?: string;
  }) => void;
  now?: () => Date;
}

/** `sent`: the message left, or may have left, or a step that is none was done. `again`: certainly not sent, or not allowed yet. `ended`: nothing more will be sent. */
export type Dispatched =
  /** `nextAt`: a sequence's next step is due then, epoch milliseconds. */
  | { outcome: 'sent'; nextAt?: number }
  | { outcome: 'again'; until: number }
  | { outcome: 'ended'; reason: string }
  /** The last step was no message, and no message was before it. */
  | { outcome: 'done' };

const MAY_HAVE_LEFT: ReadonlySet<string> = new Set(['accepted', 'sent', 'delivered', 'read', 'unconfirmed']);

export type MessageActivities = ReturnType<typeof createMessageActivities>;

/** The outbound protocol: one activity, whole. It may be repeated at any point: the claim decides what a repeat may do. */
export function createMessageActivities(deps: MessageDeps) {
  const { outbound, byHand, diagnose } = deps;
  return {
    /** A run's message. Claims, posts, settles. An unclear outcome is a result, never an error: an error would be tried again. */
    async dispatchMessage({ tenantId, runId, step = 0 }: RunStep): Promise<Dispatched> {
      return dispatch(deps, tenantId, {
        claim: (at) => outbound.claim(tenantId, runId, at, step),
        needsNoKey: () => outbound.isAction(tenantId, runId, step),
        skip: (reason) => outbound.skip(tenantId, runId, reason, step),
        diagnose: (decision) => diagnose({ tenantId, runId, ...decision }),
      });
    },

    /** A message that a person asked for: the same way, from its own row. */
    async dispatchByHand({ tenantId, messageId }: { tenantId: number; messageId: string }): Promise<Dispatched> {
      return dispatch(deps, tenantId, {
        claim: (at) => byHand.claim(tenantId, messageId, at),
        skip: (reason) => byHand.skip(tenantId, messageId, reason),
        diagnose: (decision) => diagnose({ tenantId, messageId, ...decision }),
      });
    },
  };
}

interface RunStep {
  tenantId: number;
  runId: string;
  /** Of a sequence; the first is 0. */
  step?: number;
}

interface Dispatchable {
  claim: (at: Date) => Promise<Claim | ClaimByHand>;
  skip: (reason: string) => Promise<void>;
  needsNoKey?: () => Promise<boolean>;
  diagnose: (decision: { outcome: string; reason?: string }) => void;
}

async function dispatch(deps: MessageDeps, tenantId: number, message: Dispatchable): Promise<Dispatched> {
  const { credentials, takeSendSlot, live, now = () => new Date() } = deps;
  // Read first: a missing key must not leave a claimed row `sending`.
  const key = await credentials.ycloudKey(tenantId).catch(nullWhenMisconfigured);
  if (key === null && !(await message.needsNoKey?.())) {
    await message.skip('no_api_key');
    message.diagnose({ outcome: 'skip', reason: 'no_api_key' });
    return { outcome: 'ended', reason: 'no_api_key' };
  }
  if (key !== null) await takeSendSlot(tenantId);
  const claimedAt = now();
  const claim = await message.claim(claimedAt);
  message.diagnose({ outcome: claim.decision, ...('reason' in claim ? { reason: claim.reason } : {}) });
  if (claim.decision === 'wait') return { outcome: 'again', until: claim.until };
  if (claim.decision === 'skip') return { outcome: 'ended', reason: claim.reason };
  if (claim.decision === 'acted') return told(deps, tenantId, claim);
  if (claim.decision === 'already')
    return MAY_HAVE_LEFT.has(claim.state) ? sentWith(claim) : { outcome: 'ended', reason: claim.state };
  if (key === null) throw new AppError('conflict', 'a message was claimed without a key');
  live.publish(tenantId, 'messages');
  const outcome = await post(deps, key, claim.message, claimedAt);
  const result = await settle(deps, tenantId, claim.message, outcome, now());
  live.publish(tenantId, 'messages');
  return result.outcome === 'sent' ? sentWith(claim) : result;
}

/** Whoever is to be told is mailed; what the mail server does not take stands on the lead's page all the same. */
async function told({ tellColleague, live }: MessageDeps, tenantId: number, acted: Acted): Promise<Dispatched> {
  const { leadId, ruleName } = acted;
  await Promise.allSettled(acted.tell.map((person) => tellColleague(person, { leadId, ruleName })));
  live.publish(tenantId, 'leads');
  return acted.isOver ? { outcome: 'done' } : sentWith(acted);
}

const sentWith = (claim: { nextAt?: number | null } | object): Dispatched =>
  'nextAt' in claim && typeof claim.nextAt === 'number'
    ? { outcome: 'sent', nextAt: claim.nextAt }
    : { outcome: 'sent' };

/** A process that stood still between claim and POST sends nothing any more: its row went to a person, who may have sent it again. */
async function post(
  { ycloud, now = () => new Date() }: MessageDeps,
  key: string,
  message: ClaimedMessage | ClaimedText,
  claimedAt: Date,
): Promise<SendOutcome> {
  if (now().getTime() - claimedAt.getTime() > POST_WITHIN_MS) return { outcome: 'unclear', why: 'found_late' };
  return 'text' in message ? ycloud.sendText(key, message) : ycloud.sendTemplate(key, message);
}

/** No key, or one that does not open: a reason to log, like any other check that fails. */
function nullWhenMisconfigured(error: unknown): null {
  if (error instanceof AppError && error.code === 'misconfigured') return null;
  throw error;
}

async function settle(
  { outbound, metrics }: MessageDeps,
  tenantId: number,
  message: ClaimedMessage | ClaimedText,
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
    case 'rejected': {
      const { senderStopped } = await outbound.settle(tenantId, {
        ...report,
        state: 'rejected',
        errorCode: outcome.code,
      });
      if (senderStopped) metrics.sendersStopped.inc();
      return { outcome: 'ended', reason: 'rejected' };
    }
    case 'not_sent': {
      const until = at.getTime() + outcome.retryAfterMs;
      await outbound.handBack(tenantId, message.messageId, new Date(until));
      return { outcome: 'again', until };
    }
    case 'unclear':
      await outbound.markUnconfirmed(tenantId, message.messageId, outcome.why);
      return { outcome: 'sent' };
  }
}
