import { DAY_MS, dayNumber } from './clock.ts';
import { hash32 } from './random.ts';
import { at, buildBusinesses, buildUsers, type MakeId } from './world-people.ts';
import {
  type AccountPlan,
  accountPlans,
  budgetWeights,
  creativePlans,
  formPlans,
  objectiveOf,
  pagePlans,
  statusOf,
} from './world-plan.ts';
import type {
  Ad,
  AdAccount,
  AdSet,
  Campaign,
  Creative,
  LeadForm,
  Page,
  Question,
  World,
  WorldObject,
} from './world-types.ts';

/**
 * The world of a seed: 3 businesses, 5 ad accounts, 60 campaigns, 5 pages, 11 forms, 5 people and 3 system users.
 * Starting days are fixed dates, not "so long before today", so a seed means the same campaigns every day.
 */
export function createWorld(seed = 1): World {
  const id: MakeId = (prefix, index) => `${prefix}${String(seed % 1000).padStart(3, '0')}${pad(index, 6)}`;
  const accounts = accountPlans.map((plan, index) =>
    buildAccount(plan, id('2214556', index + 1), id('4055000', plan.owner + 1)),
  );
  const pages = pagePlans.map((plan, index) =>
    buildPage(plan, id('100200', index + 1), id('4055000', plan.owner + 1), accounts),
  );
  const forms = formPlans.map((plan, index) => buildForm(plan, id('644000', index + 1), at(pages, plan.page).id));
  const businesses = buildBusinesses(id, accounts, pages);
  const users = buildUsers(id, businesses, accounts, pages);
  const advertising = buildAdvertising(seed, id, accounts, pages);
  const objects: WorldObject[] = [businesses, accounts, Object.values(advertising).flat(), pages, forms, users].flat();
  const byId = new Map(objects.map((object) => [object.id, object]));
  return { seed, businesses, accounts, ...advertising, pages, forms, users, byId };
}

type Advertising = Pick<World, 'campaigns' | 'adsets' | 'ads' | 'creatives'>;

function buildAdvertising(
  seed: number,
  id: MakeId,
  accounts: readonly AdAccount[],
  pages: readonly Page[],
): Advertising {
  const campaigns: Campaign[] = [];
  const adsets: AdSet[] = [];
  const ads: Ad[] = [];
  const creatives: Creative[] = [];
  accountPlans.forEach((plan, index) => {
    const account = at(accounts, index);
    plan.campaigns.forEach((name, position) => {
      const campaign = buildCampaign(seed, account, plan, name, position, id('120210001', campaigns.length + 1));
      campaigns.push(campaign);
      addAds({ seed, plan, account, campaign, position, page: at(pages, plan.page), adsets, ads, creatives, id });
    });
  });
  return { campaigns, adsets, ads, creatives };
}

function buildAccount(plan: AccountPlan, accountId: string, businessId: string): AdAccount {
  const { name, currency, offset, timeZone, timezoneId, economics } = plan;
  return {
    kind: 'account',
    id: `act_${accountId}`,
    accountId,
    name,
    currency,
    offset,
    timeZone,
    timezoneId,
    businessId,
    economics,
    status: 1,
  };
}

function buildPage(
  plan: (typeof pagePlans)[number],
  id: string,
  businessId: string,
  accounts: readonly AdAccount[],
): Page {
  const { name, category, tasks } = plan;
  return { kind: 'page', id, name, category, tasks, businessId, accountId: at(accounts, plan.account).id };
}

const FIRST_START = dayNumber('2023-09-01');
const LAST_START = dayNumber('2026-06-30');
const PAUSED_ON = dayNumber('2026-10-20');

function buildCampaign(
  seed: number,
  account: AdAccount,
  plan: AccountPlan,
  name: string,
  position: number,
  id: string,
): Campaign {
  const status = statusOf(position);
  const days = LAST_START - FIRST_START;
  // The first campaign of each account reaches back before 37 months, so the oldest day that may be asked for has rows.
  const startsOn = position === 0 ? FIRST_START - 400 : FIRST_START + (hash32(seed, id, 'start') % days);
  const weight = budgetWeights[position] ?? 0.25 + (hash32(seed, id, 'budget') % 60) / 100;
  return {
    kind: 'campaign',
    id,
    accountId: account.id,
    name,
    objective: objectiveOf(name),
    status,
    startsOn,
    stopsOn: status === 'PAUSED' ? PAUSED_ON : undefined,
    dailyBudget: Math.round(plan.budget * weight * plan.offset),
    updatedAt: (startsOn + 20) * DAY_MS,
  };
}

interface AdsInput {
  readonly seed: number;
  readonly plan: AccountPlan;
  readonly account: AdAccount;
  readonly campaign: Campaign;
  readonly position: number;
  readonly page: Page;
  readonly adsets: AdSet[];
  readonly ads: Ad[];
  readonly creatives: Creative[];
  readonly id: MakeId;
}

/** One ad set and one ad in a plain account; else one or two sets with one to three ads, one of them deleted. */
function addAds(input: AdsInput): void {
  const { plan, campaign, position, account, adsets } = input;
  const setCount = plan.plain ? 1 : 1 + (position % 2);
  for (let set = 0; set < setCount; set += 1) {
    const adsetId = input.id('120210002', adsets.length + 1);
    const name = `${campaign.name} · ${set === 0 ? '25 a 45' : 'Similares 1 %'}`;
    const { id: campaignId, status, updatedAt } = campaign;
    adsets.push({ kind: 'adset', id: adsetId, accountId: account.id, campaignId, name, status, updatedAt });
    const adCount = plan.plain ? 1 : 1 + ((position + set) % 3);
    for (let index = 0; index < adCount; index += 1) {
      addAd(input, adsetId, index, 1 / setCount / adCount);
    }
  }
}

function addAd(input: AdsInput, adsetId: string, index: number, share: number): void {
  const { seed, account, campaign, position, page, ads, creatives } = input;
  const plan = at(creativePlans, (position + index) % creativePlans.length);
  const creativeId = input.id('120210004', creatives.length + 1);
  const { name, title, body } = plan;
  creatives.push({ kind: 'creative', id: creativeId, accountId: account.id, name, title, body, pageId: page.id });
  const id = input.id('120210003', ads.length + 1);
  ads.push({
    kind: 'ad',
    id,
    accountId: account.id,
    campaignId: campaign.id,
    adsetId,
    creativeId,
    share,
    seed: hash32(seed, id),
    name: index === 0 ? name : `${name} (${index + 1})`,
    status: position === 2 && index === 1 ? 'DELETED' : 'ACTIVE',
    updatedAt: campaign.updatedAt,
  });
}

function buildForm(plan: (typeof formPlans)[number], id: string, pageId: string): LeadForm {
  const standard: [string, string, string][] = [
    ['full_name', 'Nombre completo', 'FULL_NAME'],
    ['email', 'Correo electrónico', 'EMAIL'],
    ['phone_number', 'Teléfono', 'PHONE'],
  ];
  const questions: Question[] = standard.map(([key, label, type], index) => ({
    id: `${id}${index + 1}`,
    key,
    label,
    type,
  }));
  plan.custom.forEach(({ label, answers }, index) => {
    const options = answers.map((value) => ({ key: slug(value), value }));
    questions.push({ id: `${id}${index + 4}`, key: slug(label), label, type: 'CUSTOM', options });
  });
  const disclaimer = plan.page === 0 ? 'acepta_whatsapp' : undefined;
  return { kind: 'form', id, pageId, name: plan.name, status: plan.status, questions, disclaimer };
}

/** A custom question's key as Meta makes it: lower case, blanks to underscores, accents and marks kept. */
function slug(text: string): string {
  return text.toLowerCase().replaceAll(' ', '_');
}

function pad(index: number, digits: number): string {
  return String(index).padStart(digits, '0');
}
