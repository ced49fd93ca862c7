/**
 * What follows from the code of a message that failed or was refused. `retry` and `wait`: Meta never took it, so a new attempt may follow, soon or after a
 * day. `stop_step`: this message is over. `stop_rule`: no message of the rule can work. `stop_sender`: nothing can leave, and somebody is told.
 */
export type SendErrorClass = 'retry' | 'wait' | 'stop_step' | 'stop_rule' | 'stop_sender';

export interface SendError {
  class: SendErrorClass;
  /** Why the rule rests, in the words of `rules:reason`. */
  reason?: string;
}

const step: SendError = { class: 'stop_step' };
const sender: SendError = { class: 'stop_sender' };
const rule = (reason: string): SendError => ({ class: 'stop_rule', reason });

/**
 * Meta's numbers as YCloud passes them on, and YCloud's own names: its error catalogue and error table, as they stood in September 2026. Only the three
 * codes of which Meta says that it never took the message are tried again, whatever else those tables call transient.
 */
const known: Readonly<Record<string, SendError>> = {
  // Meta never took it: throughput, pair rate, and the person's share of advertising.
  '130429': { class: 'retry' },
  '131056': { class: 'retry' },
  '131049': { class: 'wait' },
  // This person, or these words.
  '1': step,
  '130472': step,
  '131000': step,
  '131009': step,
  '131013': step,
  '131021': step,
  '131026': step,
  '131047': step,
  '131050': step,
  '131052': step,
  '131053': step,
  '131057': step,
  '131062': step,
  '132005': step,
  '135000': step,
  ACCOUNT_RATE_LIMITED: step,
  BAD_REQUEST: step,
  CONTENT_PROHIBITED: step,
  CONTENT_TOO_LARGE: step,
  INTERNAL_SERVER_ERROR: step,
  MESSAGING_REGION_UNSUPPORTED: step,
  PARAM_INVALID: step,
  PARAM_INVALID_LENGTH: step,
  PARAM_MISSING: step,
  PARAM_NOT_MATCH: step,
  RECIPIENT_IN_BLOCK_LIST: step,
  RECIPIENT_UNSUBSCRIBED: step,
  SENDER_RATE_LIMITED: step,
  SERVICE_UNAVAILABLE: step,
  TOO_MANY_REQUESTS: step,
  // The template.
  '132000': rule('template_variables_changed'),
  '132001': rule('template_gone'),
  '132007': rule('template_refused'),
  '132012': rule('template_variables_changed'),
  '132015': rule('template_paused'),
  '132016': rule('template_disabled'),
  WHATSAPP_DIRECT_SEND_UNSUPPORTED_COMPONENT: rule('template_unsupported'),
  WHATSAPP_TEMPLATE_UNAVAILABLE: rule('template_not_approved'),
  // The number, the account, the key, the money.
  '3': sender,
  '10': sender,
  '190': sender,
  '200': sender,
  '368': sender,
  '131005': sender,
  '131031': sender,
  '131037': sender,
  '131042': sender,
  '131048': sender,
  '133010': sender,
  '139000': sender,
  ACCOUNT_LIMITED: sender,
  ACCOUNT_UNAVAILABLE: sender,
  BALANCE_INSUFFICIENT: sender,
  FORBIDDEN: sender,
  SENDER_ID_UNAVAILABLE: sender,
  UNAUTHORIZED: sender,
  WHATSAPP_BUSINESS_ACCOUNT_UNAVAILABLE: sender,
  WHATSAPP_PHONE_NUMBER_UNAVAILABLE: sender,
  WHATSAPP_WABA_UNAVAILABLE: sender,
};

/** Of a code that nobody has described only the message is over. */
export const sendErrorOf = (code: string | null): SendError =>
  code !== null && Object.hasOwn(known, code) ? (known[code] ?? step) : step;

export const knownSendErrors: readonly string[] = Object.keys(known);

/** The first and two more. */
export const MOST_ATTEMPTS = 3;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const LONGEST_ATTEMPT_WAIT_MS = 49 * HOUR_MS;

/** How long after its failure attempt number `attempt` is followed by another; null when by none. Sooner than a day Meta withholds advertising again. */
export function nextAttemptAfterMs(code: string | null, attempt: number): number | null {
  if (attempt >= MOST_ATTEMPTS) return null;
  const { class: kind } = sendErrorOf(code);
  if (kind === 'retry') return 4 ** (attempt - 1) * MINUTE_MS;
  return kind === 'wait' ? (24 * attempt + 1) * HOUR_MS : null;
}
