import type { ServerResponse } from 'node:http';
import { Refusal, sendJson } from './errors.ts';
import { unsubscribe } from './routes.ts';
import type { Simulator } from './server.ts';

type Fields = Record<string, unknown>;

/** `/_control/…`: looks into the simulator and makes things happen. Mistakes are answered 400 with a sentence. */
export function control(simulator: Simulator, method: string, url: URL, body: Buffer, res: ServerResponse): void {
  const name = `${method} ${url.pathname.slice('/_control/'.length)}`;
  const deed = deeds[name];
  try {
    if (!deed) return void sendJson(res, 404, { error: `no control ${name}` });
    sendJson(
      res,
      200,
      deed(simulator, body.length === 0 ? {} : (JSON.parse(body.toString('utf8')) as Fields)) ?? { success: true },
    );
  } catch (error) {
    sendJson(res, error instanceof Refusal ? error.status : 400, {
      error: error instanceof Error ? error.message : 'bad request',
    });
  }
}

const deeds: Readonly<Record<string, (simulator: Simulator, body: Fields) => object | undefined>> = {
  'GET ledger': ({ ledger }) => ledger.rows(),
  'GET world': ({ world }) => ({
    ...world,
    endpoints: [...world.endpoints.values()].map(({ secret: _, ...endpoint }) => endpoint),
    unsubscribers: [...world.unsubscribers.keys()],
    blocked: [...world.blocked],
  }),
  'POST replies': ({ messages, world }, { to, text, type, payload, from }) => {
    if (typeof to !== 'string' || !/^\+\d{7,15}$/.test(to))
      throw new Error('to is the phone of the person who replies');
    const number =
      typeof from === 'string' && world.phones.some((phone) => phone.phoneNumber === from)
        ? from
        : messages.lastSenderOf(to);
    const reply = {
      from: to,
      to: number,
      text: String(text ?? ''),
      ...(typeof type === 'string' ? { type } : {}),
      ...(typeof payload === 'string' ? { payload } : {}),
    };
    return { id: messages.receive(reply) };
  },
  'POST clock': (simulator, { advanceSeconds }) => {
    if (typeof advanceSeconds !== 'number' || advanceSeconds < 0)
      throw new Error('advanceSeconds is a number of seconds');
    simulator.advance(advanceSeconds);
    return { now: simulator.iso() };
  },
  'POST reset': (simulator) => void simulator.reset(),
  'POST faults': ({ faults }, body) => void faults.add(body),
  'GET faults': ({ faults }) => ({ faults: faults.list() }),
  'DELETE faults': ({ faults }) => void faults.clear(),
  'POST keys': ({ keys }, { key }) => {
    if (typeof key !== 'string' || key.length < 8) throw new Error('key has at least 8 characters');
    keys.add(key);
    return undefined;
  },
  'POST unsubscribes': ({ world, webhooks, iso }, { phone }) =>
    void unsubscribe(world, webhooks, String(phone), 'Whatsapp', iso()),
  'POST preferences': ({ world, webhooks, now }, { phone, value }) => {
    const [number] = world.phones;
    webhooks.emit('whatsapp.user.preferences', {
      whatsappUserPreference: {
        wabaId: number?.wabaId,
        businessPhoneNumber: number?.phoneNumber,
        contactPhoneNumber: phone,
        category: 'marketing_messages',
        value: value ?? 'stop',
        timestamp: String(Math.floor(now() / 1000)),
      },
    });
    return undefined;
  },
  'POST templates': ({ templates }, { wabaId, name, language, status }) =>
    void templates.setStatus(templates.find(String(wabaId), String(name), String(language)), String(status)),
  'POST balance': ({ world }, { amount }) => {
    world.balance = Number(amount);
    return undefined;
  },
};
