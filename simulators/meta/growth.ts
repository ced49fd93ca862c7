import { dayIn } from './clock.ts';
import { hash32 } from './random.ts';
import type { Simulator } from './simulator.ts';
import { type AdAccount, type Campaign, get, type World, type WorldObject } from './world-types.ts';

/**
 * The owner of an account starts many more campaigns of one ad set with one ad each.
 * `account`, `count`, and `startedDaysAgo` (default 100): since when they deliver.
 */
export function growAccount(sim: Simulator, body: Readonly<Record<string, unknown>>): { campaigns: number } {
  const account = get(sim.world, 'account', String(body['account'] ?? sim.world.accounts[0]?.id));
  const { count, startedDaysAgo = 100 } = body;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || typeof startedDaysAgo !== 'number') {
    throw new Error('count must be a whole number from 1, startedDaysAgo a number');
  }
  const startsOn = dayIn(account.timeZone, sim.clock.now()) - Math.floor(startedDaysAgo);
  const model = sim.world.campaigns.find((campaign) => campaign.accountId === account.id);
  for (let made = 0; made < count && model !== undefined; made += 1) {
    addCampaign(sim, account, { ...model, startsOn, stopsOn: undefined });
  }
  return { campaigns: sim.world.campaigns.filter((campaign) => campaign.accountId === account.id).length };
}

function addCampaign(sim: Simulator, account: AdAccount, model: Campaign): void {
  const { world } = sim;
  const creative = world.creatives.find(({ accountId }) => accountId === account.id);
  const number = world.campaigns.length + 1;
  const id = (kind: number) =>
    `12021000${kind}${String(world.seed % 1000).padStart(3, '0')}${String(number).padStart(6, '0')}`;
  const updatedAt = sim.clock.now(); // however long they delivered: to whoever looks for changes they are new
  const name = `Campaña ${number}`;
  const campaign: Campaign = { ...model, id: id(5), name, status: 'ACTIVE', updatedAt };
  const own = { accountId: account.id, campaignId: campaign.id, name, status: 'ACTIVE', updatedAt } as const;
  const ad = { adsetId: id(6), creativeId: creative?.id ?? '', share: 1, seed: hash32(world.seed, id(7)) };
  add(world, world.campaigns, campaign);
  add(world, world.adsets, { ...own, kind: 'adset', id: id(6) });
  add(world, world.ads, { ...own, ...ad, kind: 'ad', id: id(7) });
}

// The world is made once and read by everybody; only its owners change it, here and in the control's reset.
function add<T extends WorldObject>(world: World, list: readonly T[], object: T): void {
  (list as T[]).push(object);
  (world.byId as Map<string, WorldObject>).set(object.id, object);
}

/** Takes away what was added to the world since it was made. */
export function takeAwayGrowth(world: World, fresh: World): void {
  for (const kind of ['campaigns', 'adsets', 'ads'] as const) {
    const more = (world[kind] as WorldObject[]).splice(fresh[kind].length);
    for (const { id } of more) {
      (world.byId as Map<string, WorldObject>).delete(id);
    }
  }
}
