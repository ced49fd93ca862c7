import { z } from 'zod';
import { eventPayload, isFields } from './inbox.ts';
import type { ReportedState } from './message-status.ts';
import { canonicalNumber } from './whatsapp-number.ts';

/** What a stored YCloud event says, leniently: unknown fields, and values that no column holds, are nobody's failure. */

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .catch(new Date(Number.NaN));

const words = z.string().transform((given) => given.replaceAll('\0', ''));
const text = words.nullish().catch(null);
/** As long as YCloud's ids and more; an index holds no endless ones. */
const name = words.pipe(z.string().min(1).max(255));
const id = name.nullish().catch(null);

/** Of one message. */
const MOST_PRICE = 1_000_000;
const statusEvent = z.object({
  id,
  externalId: id,
  wamid: id,
  status: z.string(),
  errorCode: z.coerce.string().pipe(name).nullish().catch(null),
  totalPrice: z.number().gt(-MOST_PRICE).lt(MOST_PRICE).nullish().catch(null),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .nullish()
    .catch(null),
  sendTime: time.nullish(),
  deliverTime: time.nullish(),
  readTime: time.nullish(),
  updateTime: time.nullish(),
});

const title = z.object({ title: text }).nullish().catch(null);
const inboundEvent = z.object({
  id: name,
  from: text,
  type: name.catch('unsupported'),
  sendTime: time.nullish(),
  text: z.object({ body: text }).nullish().catch(null),
  button: z.object({ text, payload: text }).nullish().catch(null),
  interactive: z.object({ button_reply: title, list_reply: title }).nullish().catch(null),
  customerProfile: z.object({ name: text }).nullish().catch(null),
  referral: z
    .object({ source_type: text, source_id: z.coerce.string().nullish().catch(null), ctwa_clid: text })
    .nullish()
    .catch(null),
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
  const { id, from, type, sendTime, text, button, interactive, customerProfile, referral } = event.data;
  const body = text?.body ?? button?.text ?? interactive?.button_reply?.title ?? interactive?.list_reply?.title ?? null;
  return {
    providerId: id,
    phone: e164(from),
    kind: type,
    body,
    buttonPayload: button?.payload ?? null,
    sentAt: isTime(sendTime) ? sendTime : receivedAt,
    profileName: customerProfile?.name?.trim().slice(0, 200) || null,
    referral: referralOf(referral),
  };
}

/** The ad whose click began the conversation; a post of the page that was clicked is no ad. */
function referralOf(
  referral: z.output<typeof inboundEvent>['referral'],
): { adId: string | null; clickId: string | null } | null {
  if (referral == null) return null;
  const { source_type: type, source_id: id, ctwa_clid: clickId } = referral;
  const adId = type !== 'post' && /^\d{1,40}$/.test(id ?? '') ? (id ?? null) : null;
  return adId === null && !clickId ? null : { adId, clickId: clickId?.slice(0, 500) ?? null };
}

/** Who stopped or resumed, when, and from which list; null when the event names nobody. `receivedAt` stands in where no time came along. */
export function consentChange(
  kind: string,
  payload: string,
  receivedAt: Date,
): { phone: string; consent: 'stopped' | 'resumed'; source: string; at: Date } | null {
  const body = objectIn(payload);
  const event = eventPayload(body);
  const at = [unixTime(event['timestamp']), time.parse(event['updateTime']), time.parse(body['createTime'])].find(
    isTime,
  );
  const phone = e164(event['contactPhoneNumber'] ?? event['phoneNumber'] ?? event['customer']);
  const value = kind === 'preference' ? event['value'] : kind === 'unsubscribe' ? 'stop' : 'resume';
  if (phone === null || (value !== 'stop' && value !== 'resume')) return null;
  return {
    phone,
    consent: value === 'stop' ? 'stopped' : 'resumed',
    source: kind === 'preference' ? 'user_preference' : 'ycloud_list',
    at: at ?? receivedAt,
  };
}

function objectIn(payload: string): Readonly<Record<string, unknown>> {
  const body: unknown = JSON.parse(payload);
  return isFields(body) ? body : {};
}

/** A moment in a year of four digits. */
const isTime = (value: Date | null | undefined): value is Date =>
  value != null && value.getUTCFullYear() >= 1 && value.getUTCFullYear() <= 9999;
const unixTime = (seconds: unknown): Date | null =>
  typeof seconds === 'string' || typeof seconds === 'number' ? new Date(Number(seconds) * 1000) : null;

function e164(value: unknown): string | null {
  const digits = typeof value === 'string' ? value.replace(/[^\d]/g, '') : '';
  return digits.length >= 7 && digits.length <= 15 ? canonicalNumber(`+${digits}`) : null;
}
