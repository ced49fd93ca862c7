/** A business portfolio. */
export interface Business {
  readonly kind: 'business';
  readonly id: string;
  readonly name: string;
  readonly ownedAccounts: readonly string[];
  readonly clientAccounts: readonly string[];
  readonly ownedPages: readonly string[];
  readonly clientPages: readonly string[];
  readonly datasetId: string;
}

/** How an account's money turns into views, clicks and leads; major units of its currency. */
export interface Economics {
  readonly costPerThousand: number;
  readonly clickRate: number;
  readonly costPerLead: number;
  /** Share of leads that come through the website's pixel instead of an instant form. */
  readonly pixelShare: number;
}

/** An ad account; `id` is `act_` and the digits of `accountId`. */
export interface AdAccount {
  readonly kind: 'account';
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly currency: string;
  /** Minor units in one major unit by Meta's own table: 1 for COP, 100 for most. */
  readonly offset: number;
  readonly timeZone: string;
  readonly timezoneId: number;
  readonly businessId: string;
  readonly economics: Economics;
  /** 1 active, 2 disabled, 3 unsettled, 9 in grace period … */
  status: number;
}

export type Status = 'ACTIVE' | 'PAUSED' | 'ARCHIVED' | 'DELETED';

/** A campaign. `startsOn` and `stopsOn` are day numbers: outside them it did not deliver. */
export interface Campaign {
  readonly kind: 'campaign';
  readonly id: string;
  readonly accountId: string;
  name: string;
  readonly objective: string;
  status: Status;
  readonly startsOn: number;
  readonly stopsOn: number | undefined;
  readonly dailyBudget: number;
  updatedAt: number;
}

export interface AdSet {
  readonly kind: 'adset';
  readonly id: string;
  readonly accountId: string;
  readonly campaignId: string;
  name: string;
  status: Status;
  updatedAt: number;
}

/** An ad; `share` is its part of the campaign's budget. */
export interface Ad {
  readonly kind: 'ad';
  readonly id: string;
  readonly accountId: string;
  readonly campaignId: string;
  readonly adsetId: string;
  readonly creativeId: string;
  readonly share: number;
  /** Hash that its daily figures grow from. */
  readonly seed: number;
  name: string;
  status: Status;
  updatedAt: number;
}

export interface Creative {
  readonly kind: 'creative';
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly title: string;
  readonly body: string;
  readonly pageId: string;
}

/** A page; its ads run in `accountId`. */
export interface Page {
  readonly kind: 'page';
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly businessId: string;
  readonly accountId: string;
  /** What the people of this world may do with it: MANAGE to subscribe it, ADVERTISE to read its leads. */
  tasks: readonly string[];
}

export interface Question {
  readonly id: string;
  readonly key: string;
  readonly label: string;
  readonly type: string;
  readonly options?: readonly { readonly key: string; readonly value: string }[];
}

export interface LeadForm {
  readonly kind: 'form';
  readonly id: string;
  readonly pageId: string;
  readonly name: string;
  readonly status: 'ACTIVE' | 'ARCHIVED';
  readonly questions: readonly Question[];
  /** Key of the optional consent checkbox, when the form has one. */
  readonly disclaimer: string | undefined;
}

/** A person or a system user, with what they may see. */
export interface User {
  readonly kind: 'user';
  readonly id: string;
  readonly name: string;
  readonly businesses: readonly string[];
  readonly accounts: readonly string[];
  readonly pages: readonly string[];
  /** Set for a system user: the business it belongs to. */
  readonly systemOf: string | undefined;
}

export type WorldObject = Business | AdAccount | Campaign | AdSet | Ad | Creative | Page | LeadForm | User;

/** Everything that exists before anyone calls, made from the seed. */
export interface World {
  readonly seed: number;
  readonly businesses: readonly Business[];
  readonly accounts: readonly AdAccount[];
  readonly campaigns: readonly Campaign[];
  readonly adsets: readonly AdSet[];
  readonly ads: readonly Ad[];
  readonly creatives: readonly Creative[];
  readonly pages: readonly Page[];
  readonly forms: readonly LeadForm[];
  readonly users: readonly User[];
  readonly byId: ReadonlyMap<string, WorldObject>;
}

/** The object of that id and kind, or undefined. */
export function find<K extends WorldObject['kind']>(
  world: World,
  kind: K,
  id: string,
): Extract<WorldObject, { kind: K }> | undefined {
  const object = world.byId.get(id);
  return object?.kind === kind ? (object as Extract<WorldObject, { kind: K }>) : undefined;
}

/** Like `find`, for ids that the world itself wrote down: a miss is a bug and throws. */
export function get<K extends WorldObject['kind']>(
  world: World,
  kind: K,
  id: string,
): Extract<WorldObject, { kind: K }> {
  const object = find(world, kind, id);
  if (object === undefined) {
    throw new Error(`the world has no ${kind} ${id}`);
  }
  return object;
}
