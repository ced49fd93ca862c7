import type { ChatwootConversations } from '../adapters/chatwoot/conversations.ts';
import type { ChatwootAccount } from '../adapters/chatwoot/http.ts';
import type { ChatwootCopy, ChatwootOutbox } from '../adapters/postgres/chatwoot-outbox.ts';
import { AppError } from '../domain/error.ts';

export interface ChatwootMirrorDeps {
  outbox: ChatwootOutbox;
  chatwoot: ChatwootConversations;
}

/** While a message is still leaving, its copy would not know how it ended. */
const UNDECIDED_MS = 5_000;
const undecided: ReadonlySet<string> = new Set(['claimed', 'sending']);
const NOT_SENT: ReadonlySet<string> = new Set(['rejected', 'cancelled', 'failed']);

/**
 * Copies a message into the tenant's Chatwoot as a private note. Nothing of it is needed by anything else: whatever fails here is tried again from
 * the outbox and never reaches a send.
 * @throws AppError of adapters/chatwoot/conversations.ts, after the outbox was told
 */
export async function copyToChatwoot(
  { outbox, chatwoot }: ChatwootMirrorDeps,
  tenantId: number,
  id: string,
): Promise<void> {
  const copy = await outbox.take(tenantId, id);
  if (copy === null) return;
  if (copy.sendState !== null && undecided.has(copy.sendState)) return outbox.postpone(tenantId, id, UNDECIDED_MS);
  const account = await outbox.maybeAccount(tenantId);
  if (account === null || copy.phone === null) return outbox.finish(tenantId, id); // disconnected meanwhile
  try {
    await note({ outbox, chatwoot }, tenantId, account, { ...copy, phone: copy.phone });
    await outbox.finish(tenantId, id);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'not_found') await outbox.forgetConversation(tenantId, copy.leadId);
    await outbox.fail(tenantId, id, error.code);
    throw error;
  }
}

async function note(
  { outbox, chatwoot }: ChatwootMirrorDeps,
  tenantId: number,
  account: ChatwootAccount,
  copy: ChatwootCopy & { phone: string },
): Promise<void> {
  const { leadId, fullName, phone, senderPhone, chatMessageId } = copy;
  let { conversationId } = copy;
  if (conversationId === null) {
    const person = { name: fullName ?? phone, phone, identifier: `marketing-hub:${leadId}` };
    conversationId = await chatwoot.conversationWith(account, person, senderPhone);
    await outbox.saveConversation(tenantId, leadId, conversationId);
  }
  const isThere = copy.attempts > 1 && (await chatwoot.hasNote(account, conversationId, chatMessageId));
  if (!isThere) await chatwoot.addNote(account, conversationId, noteText(copy), chatMessageId);
}

/** Arrows instead of words: whoever reads it may speak any language. */
export function noteText({ direction, author, sendState, body, kind }: Omit<ChatwootCopy, 'phone'>): string {
  const text = body ?? `[${kind}]`;
  if (direction === 'in') return `← WhatsApp: ${text}`;
  const mark = sendState === 'unconfirmed' ? ' ?' : sendState !== null && NOT_SENT.has(sendState) ? ' ✗' : '';
  return `${author === 'automation' ? '⚙' : '☺'} → WhatsApp${mark}: ${text}`;
}
