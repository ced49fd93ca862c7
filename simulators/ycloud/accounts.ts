import type { World } from './world.ts';

export interface Endpoint {
  id: string;
  url: string;
  enabledEvents: string[];
  eventProperties?: unknown;
  description: string;
  status: string;
  secret: string;
  createTime: string;
  updateTime: string;
}

export interface Unsubscriber {
  customer: string;
  channel: 'whatsapp';
  type: 'PHONE_NUMBER';
  regionCode: string;
  source: string;
  createTime: string;
}

/** One YCloud account: its keys, its WhatsApp business accounts, and what it keeps about people. */
export interface Account {
  id: string;
  keys: Set<string>;
  wabaIds: Set<string>;
  endpoints: Map<string, Endpoint>;
  /** By phone: the only channel is `whatsapp`. */
  unsubscribers: Map<string, Unsubscriber>;
  blocked: Set<string>;
  /** People of WhatsApp who take no marketing from this business any more (131050). */
  stopped: Set<string>;
  balance: number;
}

const BALANCE = 100_000;

export type Accounts = ReturnType<typeof createAccounts>;

/** The first account owns everything, until a key of another account is given a WABA of its own. */
export function createAccounts(world: World, keys: readonly string[]) {
  const all: Account[] = [];
  const open = (): Account => {
    const account: Account = {
      id: `acc${all.length + 1}`,
      keys: new Set(),
      wabaIds: new Set(),
      endpoints: new Map(),
      unsubscribers: new Map(),
      blocked: new Set(),
      stopped: new Set(),
      balance: BALANCE,
    };
    all.push(account);
    return account;
  };
  const begin = () => {
    const main = open();
    for (const key of keys) main.keys.add(key);
    for (const { id } of world.wabas) main.wabaIds.add(id);
    return main;
  };
  let main = begin();
  const ofKey = (key: unknown) => all.find((account) => account.keys.has(String(key)));

  return {
    all: (): readonly Account[] => all,
    main: () => main,
    ofKey,
    /** Every WABA has exactly one account. */
    ofWaba: (wabaId: string): Account => all.find((account) => account.wabaIds.has(wabaId)) ?? main,
    /** A further key of the first account or, with a WABA, the key of the account that owns this one from now on. */
    addKey(key: string, wabaId?: string): Account {
      if (wabaId === undefined) {
        main.keys.add(key);
        return main;
      }
      const known = ofKey(key);
      const account = known && known !== main ? known : open();
      for (const other of all) other.wabaIds.delete(wabaId);
      main.keys.delete(key);
      account.keys.add(key);
      account.wabaIds.add(wabaId);
      return account;
    },
    /** Forgets what happened; keys, endpoints and owners stay, as a reset must not disconnect anybody. */
    forget() {
      for (const account of all) {
        account.unsubscribers.clear();
        account.blocked.clear();
        account.stopped.clear();
        account.balance = BALANCE;
      }
    },
    /** Back to the first account alone. */
    restart() {
      for (const { endpoints } of all) for (const endpoint of endpoints.values()) endpoint.status = 'deleted';
      all.length = 0;
      main = begin();
    },
  };
}
