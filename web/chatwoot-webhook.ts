import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ChatwootOutbox } from '../adapters/postgres/chatwoot-outbox.ts';
import type { Replies } from '../adapters/postgres/replies.ts';
import type { LiveUpdates } from '../domain/live.ts';
import type { Route } from './route.ts';
import { isSignedByChatwoot } from './signatures.ts';

export interface ChatwootWebhookDeps {
  chatwootOutbox: Pick<ChatwootOutbox, 'webhookSecrets' | 'maybeLeadOf'>;
  replies: Pick<Replies, 'takeOver'>;
  /** Lets runs look again. Never throws: their own timers do it too. */
  wake: (workflowIds: readonly string[]) => Promise<void>;
  live: LiveUpdates;
}

/** A conversation's number. */
const id = z.union([z.string().regex(/^\d{1,20}$/), z.number().int()]).transform(String);
/** A message in Chatwoot (reference/ycloud.md 6.3); `message_type` is a word in webhooks. */
const messageCreated = z.object({
  event: z.literal('message_created'),
  message_type: z.literal('outgoing'),
  private: z.boolean().default(false),
  content_attributes: z.record(z.string(), z.unknown()).nullish(),
  sender: z.object({ type: z.string().nullish() }).nullish(),
  conversation: z.object({ id }),
});

/** Chatwoot tells that somebody of the team writes to a person there: what runs for that person stops. */
export const chatwootWebhookRoutes = (deps: ChatwootWebhookDeps): Route[] => [
  {
    method: 'post',
    path: '/webhook/chatwoot/:tenantId',
    access: 'provider',
    body: 'raw',
    handler: (req, res) => receive(req, res, deps),
  },
];

/** Safe to repeat: a run that stopped stays so. Chatwoot waits five seconds and does not ask again, so a failure is answered as one and logged. */
async function receive(req: Request, res: Response, deps: ChatwootWebhookDeps): Promise<void> {
  const tenantId = /^[1-9]\d{0,8}$/.test(String(req.params['tenantId'])) ? Number(req.params['tenantId']) : null;
  const raw = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const secrets = tenantId === null ? [] : await deps.chatwootOutbox.webhookSecrets(tenantId);
  const signed = { timestamp: req.get('x-chatwoot-timestamp'), signature: req.get('x-chatwoot-signature') };
  if (tenantId === null || !isSignedByChatwoot(raw, signed, secrets, Math.floor(Date.now() / 1000)))
    return void res.status(401).type('text').send('wrong signature');
  const conversationId = conversationOf(raw);
  const leadId = conversationId === null ? null : await deps.chatwootOutbox.maybeLeadOf(tenantId, conversationId);
  if (leadId !== null) {
    const workflowIds = await deps.replies.takeOver(tenantId, leadId, { type: 'system', id: 'chatwoot' });
    void deps.wake(workflowIds);
    if (workflowIds.length > 0) deps.live.publish(tenantId, 'messages');
  }
  res.status(200).type('text').send('ok');
}

/** The conversation in which a person of the team wrote to its contact; null for everything else, our own copies too. */
function conversationOf(raw: Buffer): string | null {
  try {
    const { data } = messageCreated.safeParse(JSON.parse(raw.toString('utf8')));
    if (data === undefined || data.private || data.sender?.type !== 'user') return null;
    return data.content_attributes?.['marketing_hub'] === undefined ? data.conversation.id : null;
  } catch {
    return null;
  }
}
