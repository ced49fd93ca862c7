import { Refusal } from './errors.ts';
import type { Messages } from './messages.ts';
import { type createEndpointResource, type createTemplateResource, paged } from './resources.ts';
import type { Webhooks } from './webhooks.ts';
import type { World } from './world.ts';

export interface Call {
  method: string;
  /** Decoded path segments after /v2. */
  path: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
}

export interface RouteDeps {
  world: World;
  messages: Messages;
  webhooks: Webhooks;
  templates: ReturnType<typeof createTemplateResource>;
  endpoints: ReturnType<typeof createEndpointResource>;
  iso: () => string;
}

/** Answers one call of the v2 API, or throws Refusal. */
export function answer(deps: RouteDeps, call: Call): unknown {
  const [area, ...rest] = call.path;
  if (area === 'whatsapp') return whatsapp(deps, call, rest);
  if (area === 'webhookEndpoints') return webhookEndpoints(deps, call, rest);
  if (area === 'unsubscribers') return unsubscribers(deps, call, rest);
  if (area === 'balance' && call.method === 'GET') return { amount: deps.world.balance, currency: 'USD' };
  if (area === 'contact' && rest[0] === 'contacts' && call.method === 'GET') return paged([], call.query);
  throw new Refusal(404, 'NOT_FOUND', 'no such path');
}

function whatsapp(deps: RouteDeps, call: Call, [noun, id, extra, language]: string[]): unknown {
  const { world, messages } = deps;
  if (noun === 'messages' && call.method === 'POST') return messages.send(call.body, id === 'sendDirectly');
  if (noun === 'messages' && call.method === 'GET')
    return id === undefined ? paged(messages.list(), call.query) : found(messages.byId(id));
  if (noun === 'inboundMessages' && call.method === 'POST' && (extra === 'markAsRead' || extra === 'typingIndicator'))
    return undefined;
  if (noun === 'templates') return templates(deps, call, id, extra, language);
  const ofWaba = <T extends { wabaId: string }>(rows: T[]) =>
    rows.filter((row) => (call.query.get('filter.wabaId') ?? row.wabaId) === row.wabaId);
  if (noun === 'phoneNumbers' && call.method === 'GET')
    return id === undefined
      ? paged(ofWaba(world.phones), call.query)
      : found(world.phones.find((phone) => phone.wabaId === id && phone.phoneNumber === extra));
  if (noun === 'businessAccounts' && call.method === 'GET')
    return id === undefined ? paged(world.wabas, call.query) : found(world.wabas.find((waba) => waba.id === id));
  throw new Refusal(404, 'NOT_FOUND', 'no such path');
}

function templates(
  { templates: resource }: RouteDeps,
  { method, query, body }: Call,
  wabaId?: string,
  name?: string,
  language?: string,
): unknown {
  if (wabaId === undefined) {
    if (method === 'GET') return resource.list(query);
    if (method === 'POST') return resource.create(body);
  }
  if (wabaId !== undefined && name !== undefined) {
    if (method === 'DELETE') {
      const gone = resource.remove(
        (each) =>
          each.wabaId === wabaId && each.name === name && (language === undefined || each.language === language),
      );
      return language === undefined ? gone : gone[0];
    }
    if (language !== undefined && method === 'GET') return resource.find(wabaId, name, language);
    if (language !== undefined && method === 'PATCH') return resource.edit(resource.find(wabaId, name, language), body);
  }
  throw new Refusal(404, 'NOT_FOUND', 'no such path');
}

function webhookEndpoints({ endpoints }: RouteDeps, { method, query, body }: Call, [id, verb]: string[]): unknown {
  if (id === undefined && method === 'GET') return endpoints.list(query);
  if (id === undefined && method === 'POST') return endpoints.create(body);
  if (id !== undefined && verb === 'rotateSecret' && method === 'POST') return endpoints.rotate(id);
  if (id !== undefined && method === 'GET') return endpoints.find(id);
  if (id !== undefined && method === 'PATCH') return endpoints.update(id, body);
  if (id !== undefined && method === 'DELETE') return endpoints.remove(id);
  throw new Refusal(404, 'NOT_FOUND', 'no such path');
}

function unsubscribers(
  { world, webhooks, iso }: RouteDeps,
  { method, query, body }: Call,
  [customer]: string[],
): unknown {
  const row = (phone: string) => ({
    customer: phone,
    channel: 'whatsapp',
    type: 'PHONE_NUMBER',
    source: world.unsubscribers.get(phone)?.source,
    createTime: world.unsubscribers.get(phone)?.createTime,
  });
  if (customer === undefined && method === 'GET') {
    const wanted = query.get('filter.customer');
    const rows = [...world.unsubscribers.keys()].filter((phone) => (wanted ?? phone) === phone).map(row);
    return { ...paged(rows, query), cursor: {} };
  }
  if (customer === undefined && method === 'POST') {
    if (body['type'] === undefined) throw new Refusal(400, 'PARAM_MISSING', 'type is required', { target: 'type' });
    const phone = String(body['customer'] ?? '');
    unsubscribe(world, webhooks, phone, 'API', iso());
    return row(phone);
  }
  if (customer !== undefined && !world.unsubscribers.has(customer))
    throw new Refusal(404, 'NOT_FOUND', 'not unsubscribed');
  if (customer !== undefined && method === 'GET') return [row(customer)];
  if (customer !== undefined && method === 'DELETE') {
    const gone = row(customer);
    world.unsubscribers.delete(customer);
    webhooks.emit('contact.unsubscribe.deleted', {
      unsubscriberChanged: { phoneNumber: customer, source: 'API', updateTime: iso() },
    });
    return gone;
  }
  throw new Refusal(404, 'NOT_FOUND', 'no such path');
}

/** Adds to the list and sends the event; the wire names no number of ours. */
export function unsubscribe(world: World, webhooks: Webhooks, phone: string, source: string, at: string): void {
  if (!/^\+[1-9]\d{6,14}$/.test(phone))
    throw new Refusal(400, 'PARAM_INVALID', 'customer is not an E.164 number', { target: 'customer' });
  world.unsubscribers.set(phone, { source, createTime: at });
  webhooks.emit('contact.unsubscribe.created', { unsubscriberChanged: { phoneNumber: phone, source, updateTime: at } });
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Refusal(404, 'NOT_FOUND', 'no such object');
  return value;
}
