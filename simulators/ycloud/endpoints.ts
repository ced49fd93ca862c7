import { randomBytes } from 'node:crypto';
import type { Account, Endpoint } from './accounts.ts';
import { invalid, missing, notFound, Refusal, tooLong } from './errors.ts';
import { eventTypes } from './event-types.ts';
import { paged } from './paging.ts';

const MOST = 20;
const statuses: ReadonlySet<unknown> = new Set(['active', 'disabled']);
type Body = Readonly<Record<string, unknown>>;

export type Endpoints = ReturnType<typeof createEndpoints>;

/** Webhook endpoints of an account: at most 20, each with a secret of its own. */
export function createEndpoints(iso: () => string) {
  const find = (account: Account, id: string): Endpoint => {
    const endpoint = account.endpoints.get(id);
    if (!endpoint) throw notFound();
    return endpoint;
  };
  return {
    find,
    list: (account: Account, query: URLSearchParams): object => paged([...account.endpoints.values()], query),
    create(account: Account, body: Body, secret = newSecret()): Endpoint {
      for (const name of ['url', 'enabledEvents']) if (body[name] === undefined) throw missing(name);
      const fields = checked(body);
      if (account.endpoints.size >= MOST) throw new Refusal(403, 'FORBIDDEN', `at most ${MOST} endpoints`);
      const endpoint: Endpoint = {
        id: `wh${randomBytes(12).toString('hex')}`,
        url: '',
        enabledEvents: [],
        description: '',
        status: 'active',
        ...fields,
        secret,
        createTime: iso(),
        updateTime: iso(),
      };
      account.endpoints.set(endpoint.id, endpoint);
      return endpoint;
    },
    update: (account: Account, id: string, body: Body): Endpoint =>
      Object.assign(find(account, id), checked(body), { updateTime: iso() }),
    /** Returns it as it was; what still waits for it is dropped. */
    remove(account: Account, id: string): Endpoint {
      const endpoint = find(account, id);
      const asItWas = { ...endpoint };
      account.endpoints.delete(id);
      endpoint.status = 'deleted';
      return asItWas;
    },
    /** The old secret ends at once: no overlap is promised. */
    rotate: (account: Account, id: string): Endpoint =>
      Object.assign(find(account, id), { secret: newSecret(), updateTime: iso() }),
  };
}

const newSecret = () => `whsec_${randomBytes(16).toString('hex')}`;

/** The fields that a caller may set, checked. */
function checked(body: Body): Partial<Endpoint> {
  const { url, enabledEvents, description, status, eventProperties } = body;
  if (url !== undefined) checkUrl(url);
  if (enabledEvents !== undefined) checkEvents(enabledEvents, eventProperties);
  if (description !== undefined && String(description).length > 400)
    throw tooLong('description', 'at most 400 characters');
  if (status !== undefined && !statuses.has(status)) throw invalid('status', 'status is active or disabled');
  const given = { url, enabledEvents, description, status, eventProperties };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function checkUrl(url: unknown): void {
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalid('url', 'url is not a web address');
  if (url.length > 500) throw tooLong('url', 'at most 500 characters');
}

function checkEvents(events: unknown, properties: unknown): void {
  if (!Array.isArray(events) || events.length === 0) throw missing('enabledEvents');
  const unknown = events.find((name) => !eventTypes.has(name));
  if (unknown !== undefined) throw invalid('enabledEvents', `no event type ${String(unknown)}`);
  if (events.includes('contact.attributes_changed') && !Array.isArray(properties)) throw missing('eventProperties');
}
