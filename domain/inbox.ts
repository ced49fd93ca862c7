/** How the body of a webhook becomes inbox rows: one row a change. Pure; hashing is the caller's. */

export interface Change {
  provider: 'meta' | 'ycloud';
  kind: string;
  /** The leadgen or message id. */
  subject: string | null;
  /** The page, or the WhatsApp business account, it came from. */
  sourceId: string | null;
  /** Our business number; '' where the change names none, null where it concerns every number. */
  sourcePhone: string | null;
  /** Its key without the tenant; null = known only by the hash of its payload. */
  id: string | null;
  payload: string;
  /** Of a kind we use; others are kept as `ignored`. */
  isUsed: boolean;
}

/** The states of a row that a person may have to do with, the most urgent first. */
export const inboxStates = ['parked', 'conflict', 'pending', 'orphan', 'ignored'] as const;
export type InboxState = (typeof inboxStates)[number];

export const INBOX_ROWS_A_PAGE = 25;

type Fields = Readonly<Record<string, unknown>>;

/** Where a number of 16 digits or more may stand; shorter ones are exact. */
const LONG_NUMBER = /[:,[]\s*-?\d{16}/;

/** Ids may be longer than 2^53: such numbers are read as the text they were written in. Throws SyntaxError on what is not JSON. */
export function parseLossless(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text); // six times faster without a look at each value
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    context?.source !== undefined &&
    /^-?\d+$/.test(context.source)
      ? context.source
      : value,
  );
}

/** The changes of a Meta body: every entry's every change. A body without entries is one ignored change. */
export function metaChanges(body: Fields): Change[] {
  const entries = listOf(body['entry']).filter(isFields);
  const changes = entries.flatMap((entry) =>
    listOf(entry['changes'])
      .filter(isFields)
      .map((change) => metaChange(body, entry, change)),
  );
  return changes.length > 0 ? changes : [ignored('meta', textOf(body['object']) ?? 'unknown', body)];
}

function metaChange(body: Fields, entry: Fields, change: Fields): Change {
  const value = isFields(change['value']) ? change['value'] : {};
  const field = textOf(change['field']) ?? 'unknown';
  const leadgenId = idOf(value['leadgen_id']);
  const pageId = idOf(value['page_id']) ?? idOf(entry['id']);
  if (textOf(body['object']) !== 'page' || field !== 'leadgen' || leadgenId === null || pageId === null)
    return ignored('meta', field, change);
  return {
    provider: 'meta',
    kind: 'leadgen',
    subject: leadgenId,
    sourceId: pageId,
    sourcePhone: null,
    id: `meta:leadgen:${pageId}:${leadgenId}`,
    payload: JSON.stringify(change),
    isUsed: true,
  };
}

const ycloudKinds: Readonly<Record<string, string>> = {
  'whatsapp.message.updated': 'status',
  'whatsapp.inbound_message.received': 'inbound',
  'contact.unsubscribe.created': 'unsubscribe',
  'contact.unsubscribe.deleted': 'resubscribe',
  'whatsapp.user.preferences': 'preference',
  'whatsapp.template.reviewed': 'template',
  'whatsapp.template.category_updated': 'template',
  'whatsapp.template.quality_updated': 'template',
};

// An event that names no number of ours goes to every tenant only when it is about the account's common list of people who stopped.
const concernsEverybody: ReadonlySet<string> = new Set(['unsubscribe', 'resubscribe']);
const NOBODY = '';

/** A YCloud body is one event. */
export function ycloudChange(body: Fields): Change {
  const type = textOf(body['type']) ?? 'unknown';
  const kind = ycloudKinds[type];
  const eventId = textOf(body['id']);
  const event = eventPayload(body);
  const isInbound = kind === 'inbound';
  return {
    provider: 'ycloud',
    kind: kind ?? type.slice(0, 100),
    subject: textOf(event['id']) ?? null,
    sourceId: textOf(event['wabaId']) ?? null,
    sourcePhone:
      textOf(isInbound ? event['to'] : kind === 'preference' ? event['businessPhoneNumber'] : event['from']) ??
      (concernsEverybody.has(kind ?? '') ? null : NOBODY),
    id: eventId,
    payload: JSON.stringify(body),
    isUsed: kind !== undefined,
  };
}

const payloadNames = [
  'whatsappMessage',
  'whatsappInboundMessage',
  'unsubscriberChanged',
  'contactUnsubscribeCreated',
  'contactUnsubscribeDeleted',
  'whatsappUserPreference',
  'whatsappTemplate',
];

/** The event's own object, whatever property its type puts it in. */
export function eventPayload(body: Fields): Fields {
  const name = payloadNames.find((each) => isFields(body[each]));
  const payload = name === undefined ? undefined : body[name];
  return isFields(payload) ? payload : {};
}

/** A change that is kept and not used; text is kept as it came. */
export function ignored(provider: Change['provider'], kind: string, payload: unknown): Change {
  return {
    provider,
    kind: kind.slice(0, 100),
    subject: null,
    sourceId: null,
    sourcePhone: null,
    id: null,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    isUsed: false,
  };
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
/** What a column and its index can hold; YCloud's ids have at most 255 characters. */
const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= 255 && !value.includes('\0') ? value : null;
/** Meta's ids come as numbers or text; 0 means none. */
const idOf = (value: unknown): string | null => {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^[1-9]\d{0,39}$/.test(text) ? text : null;
};
