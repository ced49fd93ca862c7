import { randomBytes } from 'node:crypto';
import { Refusal } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Webhooks } from './webhooks.ts';
import type { Template, World } from './world.ts';

export interface StoredMessage extends Record<string, unknown> {
  id: string;
  wabaId: string;
  from: string;
  to: string;
  type: string;
  status: string;
  externalId?: string;
}

const WINDOW_MS = 24 * 60 * 60_000;
const SENT_MS = 50;
const DELIVERED_MS = 150;
const READ_MS = 400;
const PAIR_BURST = 45;
const PAIR_MS = 6_000;
const contentTypes: ReadonlySet<string> = new Set([
  'template',
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'interactive',
  'contacts',
  'reaction',
]);

export interface MessageDeps {
  world: World;
  webhooks: Webhooks;
  faults: Faults;
  now: () => number;
}

export type Messages = ReturnType<typeof createMessages>;

/** Sends (queued and direct), their statuses, and what people write back. */
export function createMessages({ world, webhooks, faults, now }: MessageDeps) {
  const stored = new Map<string, StoredMessage>();
  const lastInbound = new Map<string, number>();
  const lastSender = new Map<string, string>();
  const pairs = new Map<string, number[]>();
  const later = new Set<NodeJS.Timeout>();
  let count = 0;
  const iso = (ms = now()) => new Date(ms).toISOString();
  const soon = (ms: number, deed: () => void) => {
    const timer = setTimeout(() => {
      later.delete(timer);
      deed();
    }, ms);
    later.add(timer);
  };
  const update = (message: StoredMessage, change: Record<string, unknown>) => {
    Object.assign(message, change, { updateTime: iso() });
    webhooks.emit('whatsapp.message.updated', { whatsappMessage: { ...message } });
  };

  /** What Meta would refuse later: its code, or null. */
  const laterRefusal = (message: StoredMessage, body: Record<string, unknown>): string | null => {
    if (message.type === 'template') return templateProblem(world, message.wabaId, body['template']);
    const open = (lastInbound.get(`${message.from}|${message.to}`) ?? 0) > now() - WINDOW_MS;
    return open ? null : '131047';
  };

  const pairProblem = (from: string, to: string): boolean => {
    const key = `${from}|${to}`;
    const recent = [...(pairs.get(key) ?? []), now()].filter((at) => at > now() - PAIR_MS);
    pairs.set(key, recent);
    return recent.length > PAIR_BURST;
  };

  const progress = (message: StoredMessage, refusal: string | null) => {
    const forced = faults.forWebhooks('failed_status');
    const code = forced ? String(forced.value ?? '131026') : refusal;
    if (code !== null)
      return soon(SENT_MS, () => update(message, { status: 'failed', errorCode: code, errorMessage: 'not delivered' }));
    if (faults.forWebhooks('drop_status')) return;
    const isReordered = faults.forWebhooks('reorder_status') !== undefined;
    const isDoubled = faults.forWebhooks('duplicate_status') !== undefined;
    const tell = (status: string, time: string) => {
      const change = {
        status,
        [time]: iso(),
        ...(status === 'sent' ? { wamid: `wamid.${Buffer.from(message.id).toString('base64url')}` } : {}),
      };
      update(message, change);
      if (isDoubled) update(message, change);
    };
    soon(isReordered ? DELIVERED_MS : SENT_MS, () => tell('sent', 'sendTime'));
    soon(isReordered ? SENT_MS : DELIVERED_MS, () => tell('delivered', 'deliverTime'));
    if (count % 3 === 0) soon(READ_MS, () => tell('read', 'readTime'));
  };

  return {
    /** Validates and stores; `direct` also asks Meta before answering. Throws Refusal. */
    send(body: Record<string, unknown>, direct: boolean): StoredMessage {
      const { from, to, type, externalId } = body;
      for (const name of ['from', 'type'])
        if (typeof body[name] !== 'string')
          throw new Refusal(400, 'PARAM_MISSING', `${name} is required`, { target: name });
      if (typeof to !== 'string' || !/^\+[1-9]\d{6,14}$/.test(to))
        throw new Refusal(400, 'PARAM_INVALID', 'to is not an E.164 number', { target: 'to' });
      if (!contentTypes.has(String(type)) || typeof body[String(type)] !== 'object')
        throw new Refusal(400, 'PARAM_INVALID', 'type without its content', { target: 'type' });
      const phone = world.phones.find((each) => each.phoneNumber === from);
      if (!phone) throw new Refusal(403, 'WHATSAPP_PHONE_NUMBER_UNAVAILABLE', 'no such sender', { target: 'from' });
      if (world.balance <= 0) throw new Refusal(403, 'BALANCE_INSUFFICIENT', 'balance too low', { target: 'balance' });
      const id = `m${(++count).toString(36).padStart(6, '0')}${randomBytes(4).toString('hex')}`;
      const content = body[String(type)];
      const message: StoredMessage = {
        id,
        wabaId: phone.wabaId,
        from: phone.phoneNumber,
        to,
        type: String(type),
        [String(type)]: content,
        status: 'accepted',
        ...(typeof externalId === 'string' ? { externalId } : {}),
        createTime: iso(),
        updateTime: iso(),
        totalPrice: type === 'template' ? 0.0618 : 0,
        currency: 'USD',
        regionCode: to.startsWith('+54') ? 'AR' : 'ZZ',
        pricingCategory: type === 'template' ? 'marketing' : 'service',
        bizType: 'whatsapp',
      };
      const refusal = pairProblem(phone.phoneNumber, to) ? '131056' : laterRefusal(message, body);
      if (direct && refusal !== null)
        throw new Refusal(refusal === '131056' ? 429 : 400, 'BAD_REQUEST', 'refused by WhatsApp', {
          metaCode: refusal,
        });
      stored.set(id, message);
      lastSender.set(to, phone.phoneNumber);
      const filtered = direct ? null : filterProblem(world, body, to);
      progress(message, filtered ?? refusal);
      return { ...message };
    },
    byId: (id: string): StoredMessage | undefined => stored.get(id),
    list: () => [...stored.values()].reverse(),
    lastSenderOf: (phone: string): string => lastSender.get(phone) ?? world.phones[0]?.phoneNumber ?? '',
    /** A person writes: opens the 24-hour window and sends the webhook. */
    receive(given: { from: string; to: string; text?: string; payload?: string; type?: string }): string {
      const id = `i${(++count).toString(36).padStart(6, '0')}${randomBytes(4).toString('hex')}`;
      lastInbound.set(`${given.to}|${given.from}`, now());
      const wabaId = world.phones.find((phone) => phone.phoneNumber === given.to)?.wabaId ?? '';
      const type = given.type ?? 'text';
      const content =
        type === 'button'
          ? { button: { payload: given.payload ?? '', text: given.text ?? '' } }
          : type === 'text'
            ? { text: { body: given.text ?? '' } }
            : { unsupported: { type: 'poll' } };
      webhooks.emit('whatsapp.inbound_message.received', {
        whatsappInboundMessage: {
          id,
          wamid: `wamid.${id}`,
          wabaId,
          from: given.from,
          customerProfile: { name: 'Persona' },
          to: given.to,
          sendTime: iso(),
          type,
          ...content,
        },
      });
      return id;
    },
    clear() {
      for (const timer of later) clearTimeout(timer);
      later.clear();
      for (const map of [stored, lastInbound, lastSender, pairs]) map.clear();
    },
  };
}

function filterProblem(world: World, body: Record<string, unknown>, to: string): string | null {
  if (body['filterUnsubscribed'] === true && world.unsubscribers.has(to)) return 'RECIPIENT_UNSUBSCRIBED';
  return body['filterBlocked'] === true && world.blocked.has(to) ? 'RECIPIENT_IN_BLOCK_LIST' : null;
}

/** Meta's code when the template cannot be sent as asked. A template that YCloud knows to be unapproved is refused at once. */
function templateProblem(world: World, wabaId: string, given: unknown): string | null {
  const { name, language, components } = (given ?? {}) as {
    name?: string;
    language?: { code?: string };
    components?: { type?: string; parameters?: unknown[] }[];
  };
  const template = world.templates.find(
    (each) =>
      each.wabaId === wabaId && each.name === name && each.language === language?.code && each.status !== 'DELETED',
  );
  if (!template) return '132001';
  if (template.status !== 'APPROVED')
    throw new Refusal(403, 'WHATSAPP_TEMPLATE_UNAVAILABLE', `the template is ${template.status}`, {
      target: 'template',
    });
  const wanted = placeholders(template);
  const parameters = components?.find((component) => component.type === 'body')?.parameters ?? [];
  return parameters.length === wanted ? null : '132000';
}

function placeholders(template: Template): number {
  const body = template.components.find((component) => component['type'] === 'BODY')?.['text'];
  return new Set(String(body ?? '').match(/\{\{\d+\}\}/g) ?? []).size;
}
