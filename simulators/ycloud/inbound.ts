import { randomBytes } from 'node:crypto';
import type { Account, Accounts } from './accounts.ts';
import type { Conversations } from './conversations.ts';
import { notFound } from './errors.ts';
import { type Fields, isFields } from './message-content.ts';
import { userIdOf } from './random.ts';
import type { Webhooks } from './webhooks.ts';
import type { World } from './world.ts';

/** What a person does; every field but `person` has a default. */
export interface Reply {
  /** The phone of the person who writes. */
  person: string;
  text: string;
  type: string;
  /** The business number written to; default the one that last wrote to this person. */
  number?: string;
  /** Of a tapped button: its payload. */
  payload?: string;
  name?: string;
  /** A person with a WhatsApp username: no phone, only the user id. */
  isAnonymous: boolean;
  /** A change of number: the new one. */
  newPhone?: string;
  /** The ad they clicked on to write. */
  adId?: string;
}

export interface InboundDeps {
  world: World;
  accounts: Accounts;
  conversations: Conversations;
  webhooks: Webhooks;
  now: () => number;
}

export type Inbound = ReturnType<typeof createInbound>;

/** What people write to the business numbers. */
export function createInbound({ world, accounts, conversations, webhooks, now }: InboundDeps) {
  const received = new Map<string, string>();
  const iso = () => new Date(now()).toISOString();
  const numberFor = (person: string, number?: string): { phoneNumber: string; wabaId: string } => {
    const wanted = number ?? conversations.lastOutbound(person)?.from;
    const phone =
      wanted === undefined ? world.phones[0] : world.phones.find(({ phoneNumber }) => phoneNumber === wanted);
    if (!phone) throw new Error('no such business number');
    return phone;
  };

  return {
    /** A person writes: the 24-hour window opens and the event goes out. Returns YCloud's id of the message. */
    receive(reply: Reply): string {
      const { person, type, name = 'Persona Inventada', isAnonymous } = reply;
      const { phoneNumber, wabaId } = numberFor(person, reply.number);
      const content = contentOf(reply);
      const id = randomBytes(12).toString('hex');
      const wamid = `wamid.HBgO${Buffer.from(id, 'hex').toString('base64')}`;
      received.set(id, wabaId).set(wamid, wabaId);
      if (type !== 'system') conversations.wrote(person, phoneNumber);
      const context = type === 'system' ? undefined : contextOf(conversations, person);
      const message = {
        id,
        wamid,
        wabaId,
        ...(isAnonymous ? {} : { from: person }),
        fromUserId: userIdOf(person),
        customerProfile: { name, ...(isAnonymous ? { username: 'persona.inventada' } : {}) },
        to: phoneNumber,
        sendTime: iso(),
        type,
        ...content,
        ...(context ? { context } : {}),
        ...(reply.adId === undefined ? {} : { referral: referralOf(reply.adId, id) }),
      };
      void webhooks.emit(accounts.ofWaba(wabaId), 'whatsapp.inbound_message.received', {
        whatsappInboundMessage: message,
      });
      return id;
    },
    /** Somebody of the business writes by hand, in the WhatsApp Business app. */
    echo({
      person,
      text,
      number,
      type = 'whatsapp.smb.message.echoes',
    }: {
      person: string;
      text: string;
      number?: string;
      type?: string;
    }): string {
      const { phoneNumber: from, wabaId } = numberFor(person, number);
      const id = randomBytes(12).toString('hex');
      const whatsappMessage = {
        id,
        wamid: `wamid.HBgP${Buffer.from(id, 'hex').toString('base64')}`,
        ...{
          wabaId,
          from,
          to: person,
          type: 'text',
          text: { body: text },
          status: 'sent',
          createTime: iso(),
          sendTime: iso(),
        },
      };
      void webhooks.emit(accounts.ofWaba(wabaId), type, { whatsappMessage });
      return id;
    },
    /** Marking as read and the typing dots need a message of this account. Throws Refusal `NOT_FOUND`. */
    acknowledge(account: Account, id: string): undefined {
      if (!account.wabaIds.has(received.get(id) ?? '')) throw notFound();
    },
    clear: () => received.clear(),
  };
}

/** A click on an ad. */
const referralOf = (adId: string, id: string): Fields => ({
  source_url: `https://fb.me/${adId}`,
  source_id: adId,
  source_type: 'ad',
  headline: 'Escribinos',
  body: 'Turnos esta semana',
  media_type: 'image',
  ctwa_clid: `clid-${id}`,
});

/** `context.from` has no plus, unlike every other phone on the wire. */
function contextOf(conversations: Conversations, person: string): Fields | undefined {
  const last = conversations.lastOutbound(person);
  return last && { from: last.from.replace('+', ''), id: last.wamid };
}

/** The content object of each type; a type nobody knows arrives as it would: named, without content. */
function contentOf({ type, text, payload = text, person, newPhone }: Reply): Fields {
  const media = { link: 'http://127.0.0.1/media/invented', id: '900', sha256: 'invented' };
  const contents: Readonly<Record<string, Fields>> = {
    text: { body: text },
    button: { payload, text },
    interactive: { type: 'button_reply', button_reply: { id: payload, title: text } },
    list: { type: 'list_reply', list_reply: { id: payload, title: text, description: '' } },
    image: { ...media, mime_type: 'image/jpeg', caption: text },
    audio: { ...media, mime_type: 'audio/ogg' },
    document: { ...media, mime_type: 'application/pdf', filename: 'invented.pdf' },
    reaction: { message_id: payload, emoji: text },
    location: { latitude: -34.6, longitude: -58.38 },
    unsupported: { type: 'poll' },
    system: {
      type: 'customer_changed_number',
      body: 'The person changed their number',
      wa_id: person.replace('+', ''),
      new_wa_id: (newPhone ?? '').replace('+', ''),
    },
  };
  if (type === 'unsupported') return { unsupported: contents['unsupported'], errors: [UNSUPPORTED] };
  const content = contents[type];
  return isFields(content) ? { [type === 'list' ? 'interactive' : type]: content } : {};
}

const UNSUPPORTED = { code: '131051', title: 'Unsupported message type', error_data: { details: 'not supported' } };
