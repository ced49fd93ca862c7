import { z } from 'zod';
import { AppError } from '../../domain/error.ts';
import { parseLossless } from '../../domain/inbox.ts';
import type { Logger } from '../log.ts';
import { createYCloudAccount, type YCloudRequest } from './account.ts';

export interface TemplateMessage {
  /** Our business number, E.164. */
  from: string;
  to: string;
  templateName: string;
  language: string;
  /** In placeholder order. */
  bodyParameters: readonly string[];
  /** A label that comes back in status webhooks; repeating it does not deduplicate anything. */
  externalId: string;
}

export interface NewTemplate {
  wabaId: string;
  name: string;
  language: string;
  category: string;
  components: readonly Record<string, unknown>[];
}

/** Words of one's own, allowed for 24 hours after the person's last message. */
export interface TextMessage {
  /** Our business number, E.164. */
  from: string;
  to: string;
  text: string;
  externalId: string;
}

/** What became of one POST. Only `not_sent` may ever be tried again. */
export type SendOutcome =
  | { outcome: 'accepted'; providerId: string; wamid: string | null; price: string | null; currency: string | null }
  | { outcome: 'not_sent'; why: string; retryAfterMs: number }
  | { outcome: 'rejected'; code: string }
  | { outcome: 'unclear'; why: string };

// With its id a reply is an acceptance, whatever the rest looks like.
const sentMessage = z.object({
  id: z.string().min(1),
  wamid: z.string().nullish().catch(null),
  totalPrice: z.number().nullish().catch(null),
  currency: z.string().length(3).nullish().catch(null),
});
const errorEnvelope = z.object({
  error: z.object({ code: z.string(), whatsappApiError: z.object({ code: z.string() }).partial().optional() }),
});

const templateRow = z.object({
  wabaId: z.string(),
  name: z.string(),
  language: z.string(),
  category: z.string(),
  status: z.string(),
  qualityRating: z.string().nullish(),
  officialTemplateId: z.string().nullish(),
  reason: z.string().nullish().catch(null),
  components: z.array(z.record(z.string(), z.unknown())).default([]),
});
export type YCloudTemplate = z.output<typeof templateRow>;
const phoneRow = z.object({
  wabaId: z.string(),
  phoneNumber: z.string(),
  status: z.string().nullish(),
  qualityRating: z.string().nullish(),
  messagingLimit: z.string().nullish(),
});
export type YCloudPhone = z.output<typeof phoneRow>;

// Longer than the 10 s that fetch gives a connection (else its time-out would count as unclear), shorter than a worker may take to stop.
const SEND_DEADLINE_MS = 12_000;
const READ_DEADLINE_MS = 15_000;
const DEFAULT_RETRY_MS = 5_000;
const MIN_RETRY_MS = 1_000;
const PAGE = 100;
// No address, no connection, no TLS.
const NEVER_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS|ERR_SSL_WRONG_VERSION|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;
// Node's own words for a connection lost in the handshake; its code, ECONNRESET, also stands for one lost after the request.
const LOST_IN_HANDSHAKE = 'before secure TLS connection was established';

export type YCloud = ReturnType<typeof createYCloud>;

/** YCloud's v2 API (reference: YCloud's OpenAPI). The key is a parameter: each tenant has its own. */
export function createYCloud({ url, log }: { url: string; log: Logger }) {
  const call = (key: string, path: string, init: { method: string; body?: string; deadlineMs: number }) =>
    fetch(`${url}/v2${path}`, {
      method: init.method,
      headers: {
        'x-api-key': key,
        accept: 'application/json',
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(init.body === undefined ? {} : { body: init.body }),
      signal: AbortSignal.timeout(init.deadlineMs),
      redirect: 'error',
    });

  async function read<T>(key: string, path: string, row: z.ZodType<T>): Promise<T[]> {
    const rows: T[] = [];
    for (let page = 1; page <= 100; page++) {
      const response = await call(key, `${path}${path.includes('?') ? '&' : '?'}page=${page}&limit=${PAGE}`, {
        method: 'GET',
        deadlineMs: READ_DEADLINE_MS,
      }).catch((error: unknown) => {
        throw new AppError('unavailable', 'YCloud does not answer', { cause: error });
      });
      if (!response.ok) throw await refusal(response);
      const reply = z.object({ items: z.array(row) }).safeParse(await response.json().catch(() => null));
      if (!reply.success) throw new AppError('unavailable', 'unreadable reply of YCloud');
      rows.push(...reply.data.items);
      if (reply.data.items.length < PAGE) break;
    }
    return rows;
  }

  const request: YCloudRequest = async (key, path, schema, given) => {
    const body = given?.body === undefined ? {} : { body: JSON.stringify(given.body) };
    const init = { method: given?.method ?? 'GET', ...body };
    const response = await call(key, path, { ...init, deadlineMs: READ_DEADLINE_MS }).catch((error: unknown) => {
      throw new AppError('unavailable', 'YCloud does not answer', { cause: error });
    });
    if (!response.ok) throw await refusal(response);
    const reply = schema.safeParse(await response.json().catch(() => null));
    if (!reply.success) throw new AppError('unavailable', 'unreadable reply of YCloud');
    return reply.data;
  };

  async function send(key: string, externalId: string, body: object): Promise<SendOutcome> {
    try {
      const response = await call(key, '/whatsapp/messages', {
        method: 'POST',
        body: JSON.stringify(body),
        deadlineMs: SEND_DEADLINE_MS,
      });
      return await outcomeOf(response);
    } catch (error) {
      const code = networkCode(error);
      log.warn({ code, externalId }, 'YCloud send without an answer');
      return nothingLeft(error)
        ? { outcome: 'not_sent', why: code, retryAfterMs: DEFAULT_RETRY_MS }
        : { outcome: 'unclear', why: code };
    }
  }

  return {
    ...createYCloudAccount(request),
    /** The queued route. Never throws for what the network does: the outcome says what is known. */
    sendTemplate: (key: string, message: TemplateMessage): Promise<SendOutcome> =>
      send(key, message.externalId, templateBody(message)),
    sendText: (key: string, message: TextMessage): Promise<SendOutcome> =>
      send(key, message.externalId, textBody(message)),
    /** Every template of the key's accounts. Throws AppError `unauthorized`, `rate_limited`, `unavailable`. */
    templates: (key: string, wabaId?: string) =>
      read(
        key,
        `/whatsapp/templates${wabaId === undefined ? '' : `?filter.wabaId=${encodeURIComponent(wabaId)}`}`,
        templateRow,
      ),
    /**
     * Sends a template to review; there is one of a name and language. Throws AppError `conflict` when it is there already, `invalid` (`details.code`),
     * `unauthorized`, `rate_limited`, `unavailable`.
     */
    async createTemplate(key: string, template: NewTemplate): Promise<YCloudTemplate> {
      const response = await call(key, '/whatsapp/templates', {
        method: 'POST',
        body: JSON.stringify(template),
        deadlineMs: READ_DEADLINE_MS,
      }).catch((error: unknown) => {
        throw new AppError('unavailable', 'YCloud does not answer', { cause: error });
      });
      if (response.status === 409) throw new AppError('conflict', 'the template exists');
      if (!response.ok) throw await refusal(response);
      const made = templateRow.safeParse(await response.json().catch(() => null));
      if (!made.success) throw new AppError('unavailable', 'unreadable reply of YCloud');
      return made.data;
    },
    phoneNumbers: (key: string) => read(key, '/whatsapp/phoneNumbers', phoneRow),
  };
}

function templateBody({ from, to, templateName, language, bodyParameters, externalId }: TemplateMessage) {
  const parameters = bodyParameters.map((text) => ({ type: 'text', text }));
  return {
    from,
    to,
    type: 'template',
    externalId,
    filterUnsubscribed: true,
    filterBlocked: true,
    template: {
      name: templateName,
      language: { code: language, policy: 'deterministic' },
      ...(parameters.length === 0 ? {} : { components: [{ type: 'body', parameters }] }),
    },
  };
}

// No filterUnsubscribed: who writes to us is answered, unless our own list says no.
const textBody = ({ from, to, text, externalId }: TextMessage) => ({
  from,
  to,
  type: 'text',
  externalId,
  filterBlocked: true,
  text: { body: text },
});

/** 2xx we can read: accepted. 429: not sent. Another 4xx in YCloud's own envelope: refused. Everything else may have been sent. */
async function outcomeOf(response: Response): Promise<SendOutcome> {
  const body = parse(await response.text().catch(() => ''));
  if (response.ok) {
    const message = sentMessage.safeParse(body);
    if (!message.success) return { outcome: 'unclear', why: `unreadable ${response.status}` };
    const { id, wamid, totalPrice, currency } = message.data;
    return {
      outcome: 'accepted',
      providerId: id,
      wamid: wamid ?? null,
      price: totalPrice == null ? null : String(totalPrice),
      currency: currency ?? null,
    };
  }
  const envelope = errorEnvelope.safeParse(body);
  if (response.status === 429)
    return {
      outcome: 'not_sent',
      why: envelope.success ? envelope.data.error.code : '429',
      retryAfterMs: retryAfterMs(response),
    };
  if (response.status < 500 && envelope.success) {
    const { code, whatsappApiError } = envelope.data.error;
    return { outcome: 'rejected', code: whatsappApiError?.code ?? code };
  }
  return { outcome: 'unclear', why: `HTTP ${response.status}` };
}

async function refusal(response: Response): Promise<AppError> {
  const envelope = errorEnvelope.safeParse(parse(await response.text()));
  const details = { httpStatus: response.status, code: envelope.success ? envelope.data.error.code : 'none' };
  if (response.status === 401 || response.status === 403)
    return new AppError('unauthorized', 'YCloud refuses the key', { details });
  if (response.status === 429)
    return new AppError('rate_limited', 'YCloud asks to wait', { details, retryAfterMs: retryAfterMs(response) });
  return new AppError(response.status >= 500 ? 'unavailable' : 'invalid', `YCloud answered ${response.status}`, {
    details,
  });
}

function parse(text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    return null;
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  if (!Number.isFinite(seconds)) return DEFAULT_RETRY_MS;
  return Math.max(Math.min(seconds, 3600) * 1000, MIN_RETRY_MS);
}

/** Whether the request certainly never left. Of several addresses that were tried, each must say so. */
function nothingLeft(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(nothingLeft);
  const { code, syscall } = error as Error & { code?: unknown; syscall?: unknown };
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  if (typeof code === 'string' && NEVER_CONNECTED.test(code)) return true;
  return error.message.includes(LOST_IN_HANDSHAKE) || nothingLeft(error.cause);
}

function networkCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as Error & { code?: unknown };
  if (typeof code === 'string') return code;
  if (error.cause instanceof Error) return networkCode(error.cause);
  return error.name;
}
