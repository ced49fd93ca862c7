import type { ServerResponse } from 'node:http';
import type { FaultRequest } from './faults.ts';
import { jsonObject, sendJson } from './http.ts';
import { type Fields, isFields, isPhone } from './message-content.ts';
import { changeSettings } from './settings.ts';
import type { Simulator } from './simulator.ts';
import { addWaba } from './world.ts';

type Deed = (simulator: Simulator, body: Fields) => object | undefined;

/** `/_control/…`: looks into the simulator and makes things happen. Mistakes are answered 400 with a sentence. */
export function control(
  simulator: Simulator,
  method: string,
  pathname: string,
  body: Buffer,
  res: ServerResponse,
): void {
  const name = `${method} ${pathname.slice('/_control/'.length)}`;
  const deed = deeds[name];
  if (!deed) {
    sendJson(res, 404, { error: `no control ${name}` });
    return;
  }
  try {
    sendJson(res, 200, deed(simulator, jsonObject(body)) ?? { success: true });
  } catch (error) {
    sendJson(res, 400, { error: error instanceof Error ? error.message : 'bad request' });
  }
}

const deeds: Readonly<Record<string, Deed>> = {
  'GET ledger': ({ ledger }) => ledger.rows(),
  'GET world': worldOf,
  'GET clock': ({ iso }) => ({ now: iso() }),
  'POST clock': advanceClock,
  'POST reset': (simulator, { all }) => void simulator.reset(all === true),
  'GET faults': ({ faults }) => ({ faults: faults.list() }),
  'POST faults': addFault,
  'DELETE faults': ({ faults }) => void faults.clear(),
  'GET settings': ({ settings }) => settings,
  'POST settings': ({ settings }, body) => changeSettings(settings, body),
  'GET webhooks': ({ webhooks }) => ({ outboxes: webhooks.state() }),
  'POST replies': reply,
  'POST echoes': echo,
  'POST unsubscribes': (simulator, body) =>
    simulator.unsubscribers.add(accountOf(simulator, body), phoneIn(body), 'WHATSAPP'),
  'DELETE unsubscribes': (simulator, body) => simulator.unsubscribers.remove(accountOf(simulator, body), phoneIn(body)),
  'POST preferences': changePreference,
  'POST blocks': (simulator, body) => void accountOf(simulator, body).blocked.add(phoneIn(body)),
  'DELETE blocks': (simulator, body) => void accountOf(simulator, body).blocked.delete(phoneIn(body)),
  'POST templates': changeTemplate,
  'POST phones': ({ senders }, { phoneNumber, status, qualityRating, messagingLimit }) =>
    senders.change(String(phoneNumber), textsOf({ status, qualityRating, messagingLimit })),
  'POST keys': addKey,
  'POST wabas': openWaba,
  'POST balance': (simulator, body) =>
    void Object.assign(accountOf(simulator, body), { balance: Number(body['amount']) }),
  'POST events': emitEvent,
};

function worldOf({ world, accounts }: Simulator): object {
  const all = accounts.all();
  return {
    ...world,
    accounts: all.map(({ id, wabaIds, balance }) => ({ id, wabaIds: [...wabaIds], balance })),
    endpoints: all.flatMap(({ id, endpoints }) =>
      [...endpoints.values()].map(({ secret: _, ...endpoint }) => ({ ...endpoint, accountId: id })),
    ),
    unsubscribers: all.flatMap(({ unsubscribers }) => [...unsubscribers.keys()]),
    blocked: all.flatMap(({ blocked }) => [...blocked]),
  };
}

function advanceClock(simulator: Simulator, { advanceSeconds }: Fields): object {
  if (typeof advanceSeconds !== 'number' || !(advanceSeconds >= 0))
    throw new Error('advanceSeconds is a number of seconds');
  simulator.advance(advanceSeconds);
  return { now: simulator.iso() };
}

function addFault({ faults }: Simulator, { match, kind, value, times }: Fields): undefined {
  if (match !== undefined && !isFields(match)) throw new Error('match is { method?, path? }');
  if (times !== undefined && typeof times !== 'number') throw new Error('times is a number from 1');
  const given = { match, kind, value, times };
  faults.add(
    Object.fromEntries(Object.entries(given).filter(([, each]) => each !== undefined)) as unknown as FaultRequest,
  );
}

/** `to` is the person who replies; `from` may name the business number, else the one that last wrote to them. */
function reply({ inbound }: Simulator, body: Fields): object {
  const { to, text = '', type, button, from, name, newPhone, anonymous, ad_id: adId } = body;
  if (!isPhone(to)) throw new Error('to is the phone of the person who replies');
  const tapped = isFields(button) ? button : button === undefined ? undefined : { text: button, payload: button };
  const payload = body['payload'] ?? tapped?.['payload'];
  return {
    id: inbound.receive({
      person: to,
      text: String(tapped?.['text'] ?? text),
      type: typeof type === 'string' ? type : tapped ? 'button' : 'text',
      isAnonymous: anonymous === true,
      ...textsOf({ number: from, name, newPhone, payload, adId }),
    }),
  };
}

function echo({ inbound }: Simulator, body: Fields): object {
  const { to, text = '', from, type } = body;
  if (!isPhone(to)) throw new Error('to is the phone of the person written to');
  return { id: inbound.echo({ person: to, text: String(text), ...textsOf({ number: from, type }) }) };
}

/** A person stops or resumes marketing in WhatsApp itself: the event, and 131050 from then on. */
function changePreference(simulator: Simulator, body: Fields): undefined {
  const { webhooks, world, now } = simulator;
  const [phone, account, value] = [phoneIn(body), accountOf(simulator, body), body['value'] ?? 'stop'];
  if (value === 'stop') account.stopped.add(phone);
  else account.stopped.delete(phone);
  const number = world.phones.find(({ wabaId }) => account.wabaIds.has(wabaId));
  const preference = {
    ...{ wabaId: number?.wabaId, businessPhoneNumber: number?.phoneNumber, businessPhoneId: number?.id },
    ...{ contactName: 'Persona Inventada', contactPhoneNumber: phone, detail: 'marketing preference', value },
    category: 'marketing_messages',
    timestamp: String(Math.floor(now() / 1000)), // unix seconds, as text
  };
  void webhooks.emit(account, 'whatsapp.user.preferences', { whatsappUserPreference: preference });
}

/** Meta changes a template: `status` (with `reason`), `category`, `qualityRating`. */
function changeTemplate({ templates, accounts }: Simulator, body: Fields): object {
  const { wabaId, name, language, status, reason, category, qualityRating } = body;
  const template = templates.find(accounts.ofWaba(String(wabaId)), String(wabaId), String(name), String(language));
  if (typeof status === 'string')
    void templates.setStatus(template, status, typeof reason === 'string' ? reason : undefined);
  if (typeof category === 'string') void templates.recategorise(template, category);
  if (typeof qualityRating === 'string') void templates.rate(template, qualityRating);
  return template;
}

/** A further key; with `wabaId` it belongs to the account that owns this WABA from now on. */
function addKey({ accounts, world }: Simulator, { key, wabaId }: Fields): object {
  if (typeof key !== 'string' || key.length < 8) throw new Error('key has at least 8 characters');
  if (wabaId !== undefined && !world.wabas.some(({ id }) => id === wabaId)) throw new Error('no such WABA');
  const { id, wabaIds } = accounts.addKey(key, wabaId === undefined ? undefined : String(wabaId));
  return { accountId: id, wabaIds: [...wabaIds] };
}

/** One more WABA with its number and templates: the first account's or, with `key`, that key's. */
function openWaba(simulator: Simulator, { name = 'Negocio Inventado', key }: Fields): object {
  const { accounts, world, iso } = simulator;
  const { wabaId, phoneNumber } = addWaba(world, String(name), iso());
  if (typeof key === 'string') accounts.addKey(key, wabaId);
  else accounts.main().wabaIds.add(wabaId);
  return { wabaId, phoneNumber };
}

/** Any event, also of a type nobody knows; it goes to every active endpoint of the account. */
function emitEvent(simulator: Simulator, body: Fields): undefined {
  const { type, payload = {}, badSignature, times = 1 } = body;
  if (typeof type !== 'string' || !isFields(payload)) throw new Error('type is text and payload an object');
  const options = { isForAll: true, isBadlySigned: badSignature === true, times: Number(times) };
  void simulator.webhooks.emit(accountOf(simulator, body), type, payload, options);
}

/** The account of `wabaId` or, without it, of the number that last wrote to `phone`. */
function accountOf({ accounts, conversations, world }: Simulator, { wabaId, phone }: Fields) {
  const from = conversations.lastOutbound(String(phone))?.from;
  const known = wabaId ?? world.phones.find(({ phoneNumber }) => phoneNumber === from)?.wabaId;
  return known === undefined ? accounts.main() : accounts.ofWaba(String(known));
}

function phoneIn({ phone }: Fields): string {
  if (!isPhone(phone)) throw new Error('phone is an E.164 number');
  return phone;
}

const textsOf = (fields: Fields): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
