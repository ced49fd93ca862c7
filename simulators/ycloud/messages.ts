import { randomBytes } from 'node:crypto';
import type { Account, Accounts } from './accounts.ts';
import type { Conversations } from './conversations.ts';
import { metaRefusal, notFound, Refusal } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { Limits } from './limits.ts';
import { checkSend, type Fields } from './message-content.ts';
import { metaHttp } from './meta-codes.ts';
import { filtered, paged } from './paging.ts';
import { type Price, priceOf } from './prices.ts';
import { createProgress } from './progress.ts';
import { regionOf, userIdOf } from './random.ts';
import type { Settings } from './settings.ts';
import { type FilledTemplate, templateProblem } from './template-fit.ts';
import type { Webhooks } from './webhooks.ts';
import type { Template, World } from './world.ts';

export interface StoredMessage extends Record<string, unknown> {
  id: string;
  wabaId: string;
  from: string;
  to?: string;
  type: string;
  status: string;
  externalId?: string;
  wamid?: string;
}

/** How one send is asked for: which route, and whether its answer will be lost. */
export interface SendCall {
  account: Account;
  body: Fields;
  path: string;
  isDirect: boolean;
  isCut: boolean;
}

export interface MessageDeps {
  world: World;
  accounts: Accounts;
  conversations: Conversations;
  webhooks: Webhooks;
  faults: Faults;
  ledger: Ledger;
  limits: Limits;
  settings: Settings;
  seed: number;
  now: () => number;
}

export type Messages = ReturnType<typeof createMessages>;

/** Sends, queued and direct, and what became of them. The same `externalId` twice is two messages. */
export function createMessages(deps: MessageDeps) {
  const { world, accounts, conversations, webhooks, faults, ledger, limits, settings, seed, now } = deps;
  const stored = new Map<string, StoredMessage>();
  const iso = () => new Date(now()).toISOString();
  let count = 0;
  const progress = createProgress({
    iso,
    seed,
    readShare: () => settings.readShare,
    tell: (message, options) =>
      webhooks.emit(
        accounts.ofWaba(message.wabaId),
        'whatsapp.message.updated',
        { whatsappMessage: wireOf(message) },
        options,
      ),
  });
  /** The wamid is known inside from the start, but shown only once Meta has taken the message. */
  const wireOf = ({ wamid, ...message }: StoredMessage) =>
    wamid !== undefined && message['sendTime'] !== undefined ? { ...message, wamid } : message;

  const store = (body: Fields, checked: ReturnType<typeof checkSend>, wabaId: string, price: Price): StoredMessage => {
    const { from, type, to, recipient } = checked;
    const id = randomBytes(12).toString('hex');
    const message: StoredMessage = {
      id,
      wamid: `wamid.HBgN${Buffer.from(id, 'hex').toString('base64')}`,
      wabaId,
      from,
      ...(to === undefined ? { recipient } : { to, recipientUserId: userIdOf(to) }),
      type,
      [type]: body[type],
      ...Object.fromEntries(
        ['externalId', 'context'].flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])),
      ),
      status: 'accepted',
      createTime: iso(),
      updateTime: iso(),
      ...price,
      currency: 'USD',
      regionCode: regionOf(to ?? ''),
      bizType: 'whatsapp',
    };
    stored.set(id, message);
    return message;
  };

  return {
    /**
     * Validates, stores and returns the message; `sendDirectly` asks Meta first. Resolves late only when an event must come
     * before the reply. Throws Refusal.
     */
    async send({ account, body, path, isDirect, isCut }: SendCall): Promise<Fields> {
      const checked = checkSend(body);
      limits.send(checked.from, isDirect);
      const wabaId = senderWaba(world, account, checked.from);
      if (account.balance <= 0)
        throw new Refusal(403, 'BALANCE_INSUFFICIENT', 'balance too low', { target: 'balance' });
      const person = checked.to ?? checked.recipient ?? '';
      const template = checked.type === 'template' ? templateOf(world, wabaId, body['template']) : undefined;
      const isOpen = conversations.isOpen(checked.from, person);
      const unfit = checked.type === 'template' ? templateProblem(template, body['template'] as FilledTemplate) : null;
      const filter = isDirect ? null : filterProblem(account, body, person); // the direct route ignores both filters
      const refusal = filter ?? unfit ?? metaProblem(deps, { account, from: checked.from, person, template, isOpen });
      if (isDirect && refusal !== null && metaHttp(refusal) !== undefined) throw metaRefusal(refusal);
      const price = priceOf(template?.category, isOpen);
      const message = store(body, checked, wabaId, price);
      if (isDirect) message['sendTime'] = iso();
      if (refusal === null) account.balance -= price.totalPrice;
      conversations.written(checked.from, person, message.wamid ?? '');
      const name = checked.type === 'template' ? String((body['template'] as FilledTemplate).name) : null;
      ledger.message({
        id: message.id,
        externalId: message.externalId ?? null,
        to: person,
        template: name,
        cut: isCut,
      });
      const statusFaults = faults.forStatuses('POST', path);
      const reply = wireOf(message);
      const told = progress.start(message, ++count, refusal, statusFaults);
      if (statusFaults.has('event_before_reply')) await told;
      return reply;
    },
    /** By YCloud's id or the wamid. Throws Refusal `NOT_FOUND`. */
    find(account: Account, id: string): Fields {
      const message = stored.get(id) ?? [...stored.values()].find(({ wamid }) => wamid === id);
      if (!message || !account.wabaIds.has(message.wabaId)) throw notFound();
      return wireOf(message);
    },
    /** Newest first; only `filter.wabaId` and `filter.to` count. */
    list(account: Account, query: URLSearchParams): object {
      const mine = [...stored.values()].filter(({ wabaId }) => account.wabaIds.has(wabaId)).reverse();
      return paged(filtered(mine, query, ['wabaId', 'to']).map(wireOf), query);
    },
    clear() {
      progress.clear();
      stored.clear();
    },
  };
}

/** The WABA of a number of the account that may send now. Throws Refusal `WHATSAPP_PHONE_NUMBER_UNAVAILABLE`. */
function senderWaba(world: World, account: Account, from: string): string {
  const phone = world.phones.find(({ phoneNumber, wabaId }) => phoneNumber === from && account.wabaIds.has(wabaId));
  if (phone?.status !== 'CONNECTED')
    throw new Refusal(403, 'WHATSAPP_PHONE_NUMBER_UNAVAILABLE', 'the number cannot send', { target: 'from' });
  return phone.wabaId;
}

function templateOf(world: World, wabaId: string, given: unknown): Template | undefined {
  const { name, language } = (given ?? {}) as Partial<FilledTemplate>;
  return world.templates.find(
    (each) => each.wabaId === wabaId && each.name === name && each.language === language?.code,
  );
}

function filterProblem({ unsubscribers, blocked }: Account, body: Fields, person: string): string | null {
  if (body['filterUnsubscribed'] === true && unsubscribers.has(person)) return 'RECIPIENT_UNSUBSCRIBED';
  return body['filterBlocked'] === true && blocked.has(person) ? 'RECIPIENT_IN_BLOCK_LIST' : null;
}

/** Meta's code for a well-formed message that it does not take, or null. */
function metaProblem(
  { conversations, settings }: MessageDeps,
  {
    account,
    from,
    person,
    template,
    isOpen,
  }: { account: Account; from: string; person: string; template: Template | undefined; isOpen: boolean },
): string | null {
  if (from === person) return '131021';
  if (!isOpen && !template) return '131047';
  if (!conversations.fitsPair(from, person, settings.pairBurst)) return '131056';
  if (isOpen) return null;
  const isMarketing = template?.category === 'MARKETING';
  if (isMarketing && account.stopped.has(person)) return '131050';
  if (isMarketing && !conversations.fitsMarketing(person, settings.marketingCap)) return '131049';
  // The portfolio's own code is documented nowhere we could read; 131048 is the nearest limit of a number.
  return conversations.fitsPortfolio(account.id, person, settings.portfolioLimit) ? null : '131048';
}
