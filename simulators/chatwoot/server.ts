import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Contact {
  id: number;
  name: string;
  phone_number: string | null;
  identifier: string | null;
  contact_inboxes: { source_id: string; inbox: { id: number } }[];
}
interface Message {
  id: number;
  content: string;
  private: boolean;
  message_type: number;
  content_attributes: Record<string, unknown>;
}
interface Conversation {
  id: number;
  inbox_id: number;
  contact_id: number;
  status: string;
  messages: Message[];
}
interface Fault {
  path: string;
  /** 0 cuts the connection. */
  status: number;
  /** The deed is done, and then answered so. */
  afterwards?: boolean;
  times: number;
}

/** One account of a Chatwoot, as reference/ycloud.md section 6 describes its REST API: contacts, conversations, messages, inboxes. */
export async function startChatwoot({ token }: { token: string }) {
  const world = {
    contacts: [] as Contact[],
    conversations: [] as Conversation[],
    inboxes: [
      { id: 3, name: 'Web', channel_type: 'Channel::WebWidget', phone_number: null },
      { id: 4, name: 'WhatsApp', channel_type: 'Channel::Whatsapp', phone_number: '+5491155550100' },
    ],
    faults: [] as Fault[],
    calls: [] as string[],
  };
  const server = createServer(async (req, res) => {
    const fault = world.faults.find(({ path, times }) => times > 0 && (req.url ?? '').includes(path));
    if (fault) fault.times -= 1;
    if (fault && fault.afterwards !== true) return refuse(res, fault.status);
    const reply = await answer(world, token, req);
    if (fault) return refuse(res, fault.status);
    res.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    ...world,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(res: ServerResponse, status: number): void {
  if (status === 0) res.destroy();
  else res.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"as asked for"}');
}

type World = Awaited<ReturnType<typeof startChatwoot>>;
type Reply = { status: number; body: unknown };
const ok = (body: unknown): Reply => ({ status: 200, body });
const missing: Reply = { status: 404, body: { error: 'Resource could not be found' } };

async function answer(world: Omit<World, 'url' | 'close'>, token: string, req: IncomingMessage): Promise<Reply> {
  const url = new URL(req.url ?? '/', 'http://chatwoot');
  world.calls.push(`${req.method} ${url.pathname}`);
  if (req.headers['api_access_token'] !== token) return { status: 401, body: { errors: ['Invalid access token'] } };
  if (url.pathname === '/api/v1/profile') return ok({ id: 1, name: 'Carla' });
  const path = /^\/api\/v1\/accounts\/1(\/.*)$/.exec(url.pathname)?.[1] ?? '';
  const body = req.method === 'POST' ? ((await bodyOf(req)) as Record<string, unknown>) : {};
  const [, noun = '', second = '', third = ''] = path.split('/');
  if (req.method === 'GET' && path === '/inboxes') return ok({ payload: world.inboxes });
  if (req.method === 'GET' && path === '/contacts/search')
    return ok({ payload: search(world, url.searchParams.get('q') ?? '') });
  if (req.method === 'POST' && path === '/contacts') return makeContact(world, body);
  if (noun === 'contacts' && third === 'conversations')
    return ok({ payload: world.conversations.filter(({ contact_id }) => contact_id === Number(second)) });
  if (req.method === 'POST' && path === '/conversations') return makeConversation(world, body);
  const conversation = world.conversations.find(({ id }) => id === Number(second));
  if (noun !== 'conversations' || third !== 'messages' || conversation === undefined) return missing;
  return req.method === 'POST' ? makeMessage(conversation, body) : ok({ payload: conversation.messages.slice(-20) });
}

const search = ({ contacts }: Pick<World, 'contacts'>, text: string): Contact[] =>
  contacts.filter(({ phone_number, identifier, name }) =>
    [phone_number, identifier, name].some((each) => each?.includes(text)),
  );

function makeContact(world: Pick<World, 'contacts'>, body: Record<string, unknown>): Reply {
  const { phone_number, identifier } = body as { phone_number?: string; identifier?: string };
  if (!body['inbox_id']) return { status: 422, body: { message: 'inbox_id is required' } };
  const isTaken = world.contacts.some((one) => one.phone_number === phone_number || one.identifier === identifier);
  if (isTaken) return { status: 422, body: { message: 'Phone number has already been taken' } };
  const contact: Contact = {
    id: world.contacts.length + 101,
    name: String(body['name'] ?? ''),
    phone_number: phone_number ?? null,
    identifier: identifier ?? null,
    contact_inboxes: [{ source_id: `source-${world.contacts.length}`, inbox: { id: Number(body['inbox_id']) } }],
  };
  world.contacts.push(contact);
  return ok({ payload: { contact, contact_inbox: contact.contact_inboxes[0] } });
}

function makeConversation(world: Pick<World, 'contacts' | 'conversations'>, body: Record<string, unknown>): Reply {
  if (!world.contacts.some(({ id }) => id === Number(body['contact_id']))) return missing;
  const conversation: Conversation = {
    id: world.conversations.length + 1,
    inbox_id: Number(body['inbox_id']),
    contact_id: Number(body['contact_id']),
    status: String(body['status'] ?? 'open'),
    messages: [],
  };
  world.conversations.push(conversation);
  return ok({ id: conversation.id, account_id: 1, inbox_id: conversation.inbox_id });
}

function makeMessage(conversation: Conversation, body: Record<string, unknown>): Reply {
  if (typeof body['content'] !== 'string' || body['content'] === '')
    return { status: 422, body: { message: 'content' } };
  const message: Message = {
    id: conversation.messages.length + 1,
    content: body['content'],
    private: body['private'] === true,
    message_type: body['message_type'] === 'incoming' ? 0 : 1,
    content_attributes: (body['content_attributes'] ?? {}) as Record<string, unknown>,
  };
  conversation.messages.push(message);
  return ok(message);
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  return JSON.parse(text || '{}');
}
