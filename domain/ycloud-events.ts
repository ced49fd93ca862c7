import { z } from 'zod';
import { eventPayload, isFields } from './inbox.ts';
import type { ReportedState } from './message-status.ts';

/** What a stored YCloud event says, leniently: unknown fields and values are nobody's failure. */

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .catch(new Date(Number.NaN));

const statusEvent = z.object({
  id: z.string().nullish(),
  externalId: z.string().nullish(),
  wamid: z.string().nullish(),
  status: z.string(),
  errorCode: z.coerce.string().nullish(),
  totalPrice: z.number().nullish(),
  currency: z.string().length(3).nullish(),
  sendTime: time.nullish(),
  deliverTime: time.nullish(),
  readTime: time.nullish(),
  updateTime: time.nullish(),
});

const inboundEvent = z.object({
  id: z.string(),
  from: z.string().nullish(),
  type: z.string().catch('unsupported'),
  sendTime: time.nullish(),
  text: z.object({ body: z.string() }).partial().nullish(),
  button: z.object({ text: z.string(), payload: z.string() }).partial().nullish(),
  interactive: z
    .object({
      button_reply: z.object({ title: z.string() }).partial(),
      list_reply: z.object({ title: z.string() }).partial(),
    })
    .partial()
    .nullish(),
});

const reported: ReadonlySet<string> = new Set(['accepted', 'sent', 'delivered', 'read', 'failed']);

export interface StatusReport {
  externalId: string | null;
  providerId: string | null;
  wamid: string | null;
  state: ReportedState;
  at: Date;
  errorCode: string | null;
  price: string | null;
  currency: string | null;
}

/** Null when the event reports nothing we know. `receivedAt` stands in where no time came along. */
export function statusReport(payload: string, receivedAt: Date): StatusReport | null {
  const event = statusEvent.safeParse(eventPayload(objectIn(payload)));
  if (!event.success || !reported.has(event.data.status)) return null;
  const { id, externalId, wamid, status, errorCode, totalPrice, currency, ...times } = event.data;
  const own = { sent: times.sendTime, delivered: times.deliverTime, read: times.readTime }[status];
  return {
    externalId: externalId ?? null,
    providerId: id ?? null,
    wamid: wamid ?? null,
    state: status as ReportedState,
    at: [own, times.updateTime].find(isTime) ?? receivedAt,
    errorCode: status === 'failed' ? (errorCode ?? 'unknown') : null,
    price: totalPrice == null ? null : String(totalPrice),
    currency: currency ?? null,
  };
}

/** A person's message; null when it has no id. Buttons and lists count by their words. */
export function inboundMessage(payload: string, receivedAt: Date) {
  const event = inboundEvent.safeParse(eventPayload(objectIn(payload)));
  if (!event.success) return null;
  const { id, from, type, sendTime, text, button, interactive } = event.data;
  const body = text?.body ?? button?.text ?? interactive?.button_reply?.title ?? interactive?.list_reply?.title ?? null;
  return { providerId: id, phone: e164(from), kind: type, body, sentAt: isTime(sendTime) ? sendTime : receivedAt };
}

/** Who stopped or resumed, and from which list; null when the event names nobody. */
export function consentChange(
  kind: string,
  payload: string,
): { phone: string; consent: 'stopped' | 'resumed'; source: string } | null {
  const event = eventPayload(objectIn(payload));
  if (kind === 'preference') {
    const phone = e164(event['contactPhoneNumber']);
    const value = event['value'];
    if (phone === null || (value !== 'stop' && value !== 'resume')) return null;
    return { phone, consent: value === 'stop' ? 'stopped' : 'resumed', source: 'user_preference' };
  }
  const phone = e164(event['phoneNumber'] ?? event['customer']);
  return phone === null
    ? null
    : { phone, consent: kind === 'unsubscribe' ? 'stopped' : 'resumed', source: 'ycloud_list' };
}

function objectIn(payload: string): Readonly<Record<string, unknown>> {
  const body: unknown = JSON.parse(payload);
  return isFields(body) ? body : {};
}

const isTime = (value: Date | null | undefined): value is Date => value != null && !Number.isNaN(value.getTime());

function e164(value: unknown): string | null {
  const digits = typeof value === 'string' ? value.replace(/[^\d]/g, '') : '';
  return digits.length >= 7 && digits.length <= 15 ? `+${digits}` : null;
}
