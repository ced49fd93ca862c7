import { beforeAll, beforeEach } from 'vitest';
import { system } from '../domain/actor.ts';
import { dayIn } from '../domain/days.ts';
import type { StatsJson } from '../web/stats-json.ts';
import { aCampaign, aLead, anAccount, aTouch } from './crm.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { aPerson } from './person.ts';
import { type WholeApp, wholeApp } from './whole-app.ts';

const DAY_MS = 24 * 60 * 60_000;

/** So many days back, at this time of the day. */
export const ago = (days: number): Date => new Date(Date.now() - days * DAY_MS);

export interface StatsBench {
  db: TestDatabase;
  app: WholeApp;
  /** New for each test, with nothing in it. */
  tenantId: number;
  /** Its day. */
  today: string;
  /** Asks as a program of the tenant. */
  get(path: string, init?: { body: object }): Promise<Response>;
  stats(query?: string): Promise<StatsJson>;
  /** As a person records it, but without the page, which makes the cache forget. */
  sell(leadId: string, amount: string, given?: { currency?: string; soldOn?: string }): Promise<string>;
  /** A lead who came by a form of this campaign, or of none. */
  aLeadOf(campaignId: string | null, at?: Date): Promise<string>;
  /** An account with one campaign, 200. */
  implantes(): Promise<void>;
}

/** Figures as programs get them, over the whole app. */
export function statsBench(): StatsBench {
  const bench = {} as StatsBench;
  let authorization: string;
  beforeAll(async () => {
    bench.db = await testDatabase();
    bench.app = await wholeApp(bench.db, { MARKETING_RATE_LIMIT: '100000' });
  });
  beforeEach(async () => {
    const { db, app } = bench;
    const tenantId = await aTenant(db);
    const { userId } = await aPerson(app, db, tenantId);
    authorization = `Bearer ${await app.tokens.issue({ tenantId, userId })}`;
    Object.assign(bench, { tenantId, today: dayIn('America/Argentina/Buenos_Aires', new Date()) });
  });
  bench.get = (path, init) => {
    const json = { 'content-type': 'application/json' };
    const posted = init && { method: 'POST', body: JSON.stringify(init.body) };
    return fetch(`${bench.app.url}${path}`, { ...posted, headers: { authorization, ...(posted && json) } });
  };
  bench.stats = async (query = '') => (await (await bench.get(`/crm/marketing/stats${query}`)).json()) as StatsJson;
  bench.sell = (leadId, amount, { currency = 'ARS', soldOn = bench.today } = {}) =>
    bench.app.stores.sales.recordSale(bench.tenantId, leadId, { amount, currency, soldOn }, system('test'));
  bench.aLeadOf = async (campaignId, at = ago(0)) => {
    const leadId = await aLead(bench.db, bench.tenantId, { at });
    await aTouch(bench.db, bench.tenantId, leadId, { campaignId, at });
    return leadId;
  };
  bench.implantes = async () => {
    await anAccount(bench.db, bench.tenantId);
    await aCampaign(bench.db, bench.tenantId);
  };
  return bench;
}
