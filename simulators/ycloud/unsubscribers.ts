import type { Account, Unsubscriber } from './accounts.ts';
import { invalid, missing, notFound } from './errors.ts';
import { type Fields, isPhone } from './message-content.ts';
import { cursorPaged, filtered } from './paging.ts';
import { regionOf } from './random.ts';
import type { Webhooks } from './webhooks.ts';

export type Unsubscribers = ReturnType<typeof createUnsubscribers>;

/** An account's opt-out list. The only channel is `whatsapp`; the events name no number of ours. */
export function createUnsubscribers(webhooks: Webhooks, iso: () => string) {
  const find = (account: Account, customer: string, channel = 'whatsapp'): Unsubscriber => {
    const entry = account.unsubscribers.get(customer);
    if (!entry || channel !== 'whatsapp') throw notFound();
    return entry;
  };
  const tell = (account: Account, what: 'created' | 'deleted', { customer, source }: Unsubscriber) =>
    void webhooks.emit(account, `contact.unsubscribe.${what}`, {
      unsubscriberChanged: { phoneNumber: customer, source, updateTime: iso() },
    });
  /** Adding a phone twice changes nothing and tells nobody. */
  const add = (account: Account, customer: unknown, source: string): Unsubscriber => {
    if (!isPhone(customer)) throw invalid('customer', 'customer is not an E.164 number');
    const known = account.unsubscribers.get(customer);
    if (known) return known;
    const region = regionOf(customer);
    const entry = {
      customer,
      channel: 'whatsapp',
      type: 'PHONE_NUMBER',
      regionCode: region,
      source,
      createTime: iso(),
    } as const;
    account.unsubscribers.set(customer, entry);
    tell(account, 'created', entry);
    return entry;
  };

  return {
    find,
    add,
    list: (account: Account, query: URLSearchParams): object =>
      cursorPaged(filtered([...account.unsubscribers.values()], query, ['customer', 'channel', 'regionCode']), query),
    create(account: Account, body: Fields): Unsubscriber {
      for (const name of ['customer', 'channel', 'type']) if (body[name] === undefined) throw missing(name);
      if (body['channel'] !== 'whatsapp') throw invalid('channel', 'only whatsapp');
      if (body['type'] !== 'PHONE_NUMBER') throw invalid('type', 'only PHONE_NUMBER');
      return add(account, body['customer'], 'API');
    },
    remove(account: Account, customer: string, channel?: string): Unsubscriber {
      const entry = find(account, customer, channel);
      account.unsubscribers.delete(customer);
      tell(account, 'deleted', entry);
      return entry;
    },
  };
}
