import { z } from 'zod';
import { AppError, type ErrorCode } from '../../domain/error.ts';
import { askChatwoot, type ChatwootAccount, type ChatwootHttpOptions } from './http.ts';

/** The person a conversation is with. */
export interface ChatwootPerson {
  name: string;
  /** E.164. */
  phone: string;
  /** Ours, so that a person whose number changed is found. */
  identifier: string;
}

const id = z.union([z.string(), z.number()]).transform(String);
const contactInbox = z.object({ source_id: z.string(), inbox: z.object({ id }) });
const contact = z.object({
  id,
  phone_number: z.string().nullish(),
  identifier: z.string().nullish(),
  contact_inboxes: z.array(contactInbox).default([]),
});
const inboxes = z.object({
  payload: z.array(z.object({ id, channel_type: z.string().default(''), phone_number: z.string().nullish() })),
});
const found = z.object({ payload: z.array(contact) });
const made = z.object({ payload: z.object({ contact }) });
const conversations = z.object({
  payload: z.array(z.object({ id, inbox_id: id.nullish(), status: z.string().default('') })),
});
const withId = z.object({ id });
const messages = z.object({
  payload: z.array(z.object({ content_attributes: z.record(z.string(), z.unknown()).nullish() })),
});

export type ChatwootConversations = ReturnType<typeof createChatwootConversations>;

/**
 * Conversations of a tenant's Chatwoot, for copies of what was said elsewhere. Notes are private: a public outgoing message in a WhatsApp inbox
 * would be sent to the person (reference/ycloud.md 6.2). Throws AppError `unauthorized`, `not_found`, `rate_limited`, `invalid`, `unavailable`.
 */
export function createChatwootConversations(options: ChatwootHttpOptions = {}) {
  const call = async <T>(account: ChatwootAccount, path: string, schema: z.ZodType<T>, body?: object): Promise<T> => {
    const reply = await askChatwoot(
      account,
      { path: `/api/v1/accounts/${account.accountId}${path}`, ...(body ? { method: 'POST', body } : {}) },
      options,
    );
    if (reply.status < 200 || reply.status >= 300) throw refusal(reply.status);
    const parsed = schema.safeParse(reply.body);
    if (!parsed.success) throw new AppError('unavailable', 'Chatwoot answered something unreadable');
    return parsed.data;
  };

  /** The WhatsApp inbox of our number, else the first inbox that is WhatsApp or an API channel. */
  async function inboxOf(account: ChatwootAccount, senderPhone: string | null): Promise<string> {
    const { payload } = await call(account, '/inboxes', inboxes);
    const usable = payload.filter(({ channel_type }) => /Whatsapp|Api$/.test(channel_type));
    const inbox = usable.find(({ phone_number }) => phone_number === senderPhone) ?? usable[0];
    if (inbox === undefined) throw new AppError('misconfigured', 'Chatwoot has no WhatsApp or API inbox');
    return inbox.id;
  }

  async function contactOf(account: ChatwootAccount, person: ChatwootPerson, inboxId: string) {
    const search = async (text: string) =>
      (await call(account, `/contacts/search?q=${encodeURIComponent(text)}`, found)).payload.find(
        ({ phone_number, identifier }) => phone_number === person.phone || identifier === person.identifier,
      );
    const known = await search(person.phone);
    if (known) return known;
    const { name, phone, identifier } = person;
    const given = { inbox_id: Number(inboxId), name, phone_number: phone, identifier };
    try {
      return (await call(account, '/contacts', made, given)).payload.contact;
    } catch (error) {
      // 422: somebody made it meanwhile, or its number changed.
      const other = error instanceof AppError && error.code === 'invalid' ? await search(identifier) : undefined;
      if (other === undefined) throw error;
      return other;
    }
  }

  return {
    /** The person's conversation in the inbox of `senderPhone`: the newest that is not resolved, else a new one. */
    async conversationWith(
      account: ChatwootAccount,
      person: ChatwootPerson,
      senderPhone: string | null,
    ): Promise<string> {
      const inboxId = await inboxOf(account, senderPhone);
      const { id: contactId, contact_inboxes } = await contactOf(account, person, inboxId);
      const { payload } = await call(account, `/contacts/${contactId}/conversations`, conversations);
      const open = payload.find((one) => one.inbox_id === inboxId && one.status !== 'resolved');
      if (open) return open.id;
      const source = contact_inboxes.find(({ inbox }) => inbox.id === inboxId)?.source_id;
      const body = {
        inbox_id: Number(inboxId),
        contact_id: Number(contactId),
        status: 'open',
        ...(source === undefined ? {} : { source_id: source }),
      };
      return (await call(account, '/conversations', withId, body)).id;
    },
    /** Whether a note with this mark stands among the conversation's last messages: an earlier try may have got through. */
    async hasNote(account: ChatwootAccount, conversationId: string, mark: string): Promise<boolean> {
      const { payload } = await call(account, `/conversations/${conversationId}/messages`, messages);
      return payload.some(({ content_attributes }) => content_attributes?.['marketing_hub'] === mark);
    },
    async addNote(account: ChatwootAccount, conversationId: string, text: string, mark: string): Promise<void> {
      await call(account, `/conversations/${conversationId}/messages`, withId, {
        content: text,
        message_type: 'outgoing',
        private: true,
        content_attributes: { marketing_hub: mark },
      });
    },
  };
}

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not_found',
  429: 'rate_limited',
};

function refusal(status: number): AppError {
  const code = codes[status] ?? (status >= 400 && status < 500 ? 'invalid' : 'unavailable');
  return new AppError(code, status === 0 ? 'Chatwoot does not answer' : `Chatwoot answered ${status}`);
}
