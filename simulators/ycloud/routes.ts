import type { Account } from './accounts.ts';
import { notFound } from './errors.ts';
import type { Simulator } from './simulator.ts';

/** One call of the v2 API, its key already known. */
export interface Call {
  method: string;
  /** As sent, with `/v2`. */
  pathname: string;
  query: URLSearchParams;
  body: Readonly<Record<string, unknown>>;
  account: Account;
  /** The answer will be lost: only the ledger needs to know. */
  isCut: boolean;
}

type Deed = (simulator: Simulator, call: Call, ...parameters: string[]) => unknown;

/** Every operation, as a table of contents; `*` is one path segment, handed over decoded. */
const routes: readonly [string, Deed][] = [
  ['POST whatsapp/messages', ({ messages }, call) => messages.send(sendCall(call, false))],
  ['POST whatsapp/messages/sendDirectly', ({ messages }, call) => messages.send(sendCall(call, true))],
  ['GET whatsapp/messages', ({ messages }, { account, query }) => messages.list(account, query)],
  ['GET whatsapp/messages/*', ({ messages }, { account }, id = '') => messages.find(account, id)],
  [
    'POST whatsapp/inboundMessages/*/markAsRead',
    ({ inbound }, { account }, id = '') => inbound.acknowledge(account, id),
  ],
  [
    'POST whatsapp/inboundMessages/*/typingIndicator',
    ({ inbound }, { account }, id = '') => inbound.acknowledge(account, id),
  ],

  ['GET whatsapp/templates', ({ templates }, { account, query }) => templates.list(account, query)],
  ['POST whatsapp/templates', ({ templates }, { account, body }) => templates.create(account, body)],
  [
    'GET whatsapp/templates/*/*/*',
    ({ templates }, { account }, waba = '', name = '', language = '') => templates.find(account, waba, name, language),
  ],
  [
    'PATCH whatsapp/templates/*/*/*',
    ({ templates }, { account, body }, waba = '', name = '', language = '') =>
      templates.edit(templates.find(account, waba, name, language), body),
  ],
  [
    'DELETE whatsapp/templates/*/*',
    ({ templates }, { account }, waba = '', name = '') => templates.remove(account, waba, name),
  ],
  [
    'DELETE whatsapp/templates/*/*/*',
    ({ templates }, { account }, waba = '', name = '', language = '') =>
      templates.remove(account, waba, name, language)[0],
  ],

  ['GET whatsapp/phoneNumbers', ({ senders }, { account, query }) => senders.listPhones(account, query)],
  [
    'GET whatsapp/phoneNumbers/*/*',
    ({ senders }, { account }, waba = '', phone = '') => senders.findPhone(account, waba, phone),
  ],
  ['GET whatsapp/businessAccounts', ({ senders }, { account, query }) => senders.listWabas(account, query)],
  ['GET whatsapp/businessAccounts/*', ({ senders }, { account }, id = '') => senders.findWaba(account, id)],

  ['GET webhookEndpoints', ({ endpoints }, { account, query }) => endpoints.list(account, query)],
  ['POST webhookEndpoints', ({ endpoints }, { account, body }) => endpoints.create(account, body)],
  ['GET webhookEndpoints/*', ({ endpoints }, { account }, id = '') => endpoints.find(account, id)],
  ['PATCH webhookEndpoints/*', ({ endpoints }, { account, body }, id = '') => endpoints.update(account, id, body)],
  ['DELETE webhookEndpoints/*', ({ endpoints }, { account }, id = '') => endpoints.remove(account, id)],
  ['POST webhookEndpoints/*/rotateSecret', ({ endpoints }, { account }, id = '') => endpoints.rotate(account, id)],

  ['GET unsubscribers', ({ unsubscribers }, { account, query }) => unsubscribers.list(account, query)],
  ['POST unsubscribers', ({ unsubscribers }, { account, body }) => unsubscribers.create(account, body)],
  ['GET unsubscribers/*', ({ unsubscribers }, { account }, customer = '') => [unsubscribers.find(account, customer)]],
  [
    'GET unsubscribers/*/*',
    ({ unsubscribers }, { account }, customer = '', channel = '') => unsubscribers.find(account, customer, channel),
  ],
  [
    'DELETE unsubscribers/*/*',
    ({ unsubscribers }, { account }, customer = '', channel = '') => unsubscribers.remove(account, customer, channel),
  ],

  ['GET contact/contacts', ({ contacts }, { account, query }) => contacts.list(account, query)],
  ['POST contact/contacts', ({ contacts }, { account, body }) => contacts.create(account, body)],
  ['GET contact/contacts/*', ({ contacts }, { account }, id = '') => contacts.find(account, id)],
  ['DELETE contact/contacts/*', ({ contacts }, { account }, id = '') => contacts.remove(account, id)],

  ['GET balance', (_, { account }) => ({ amount: Math.round(account.balance * 10_000) / 10_000, currency: 'USD' })],
];

/** Answers one call, or throws Refusal; an unknown path or method is `NOT_FOUND`. */
export function answer(simulator: Simulator, call: Call): unknown {
  const [version, ...given] = segments(call.pathname);
  if (version !== 'v2') throw notFound();
  for (const [route, deed] of routes) {
    const [method, path = ''] = route.split(' ');
    const wanted = path.split('/');
    if (method !== call.method || wanted.length !== given.length) continue;
    if (wanted.every((segment, at) => segment === '*' || segment === given[at]))
      return deed(simulator, call, ...given.filter((_, at) => wanted[at] === '*'));
  }
  throw notFound();
}

/** Whether a call is a send: those have limits of their own. */
export const isSend = (method: string, pathname: string): boolean =>
  method === 'POST' && /^\/v2\/whatsapp\/messages(\/sendDirectly)?$/.test(pathname);

const sendCall = ({ account, body, pathname, isCut }: Call, isDirect: boolean) => ({
  account,
  body,
  path: pathname,
  isDirect,
  isCut,
});

function segments(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw notFound(); // a stray per cent sign names nothing
  }
}
