import { createHash } from 'node:crypto';
import { DAY_MS, dayIn, graphTime, offsetHours } from './clock.ts';
import { adDay } from './figures.ts';
import type { Lead } from './leads.ts';
import { NodeRef } from './projection.ts';
import type { Simulator } from './simulator.ts';
import {
  type Ad,
  type AdAccount,
  type AdSet,
  type Business,
  type Campaign,
  type Creative,
  get,
  type LeadForm,
  type Page,
  type User,
} from './world-types.ts';

type GraphRecord = Record<string, unknown>;

/** A business portfolio as `/me/businesses` shows it. */
export function businessRecord(business: Business): GraphRecord {
  const { id, name } = business;
  return {
    id,
    name,
    verification_status: 'verified',
    created_time: '2021-03-04T12:00:00+0000',
    timezone_id: 10,
    vertical: 'HEALTH',
  };
}

/** An ad account: numbers where Meta has numbers, minor units as text. */
export function accountRecord(sim: Simulator, account: AdAccount): GraphRecord {
  const now = sim.clock.now();
  return {
    id: account.id,
    account_id: account.accountId,
    name: account.name,
    account_status: account.status,
    age: 1310.5,
    currency: account.currency,
    timezone_id: account.timezoneId,
    timezone_name: account.timeZone,
    timezone_offset_hours_utc: offsetHours(account.timeZone, now),
    // Reckoned only when asked for: it adds up three years.
    get amount_spent() {
      return String(amountSpent(sim, account));
    },
    balance: '0',
    spend_cap: '0',
    min_daily_budget: Math.round(account.economics.costPerThousand * account.offset),
    disable_reason: 0,
    created_time: graphTime(Date.parse('2021-05-06T15:04:05Z'), account.timeZone),
    is_personal: 0,
    business_name: get(sim.world, 'business', account.businessId).name,
    business: new NodeRef(businessRecord(get(sim.world, 'business', account.businessId)), ['id', 'name']),
    owner: account.businessId,
    user_tasks: ['DRAFT', 'ANALYZE', 'ADVERTISE', 'MANAGE'],
  };
}

/** Spend of the last 37 months in minor units; the simulator has no older figures. */
function amountSpent(sim: Simulator, account: AdAccount): number {
  const today = dayIn(account.timeZone, sim.clock.now());
  let sum = 0;
  for (const ad of sim.world.ads) {
    if (ad.accountId === account.id) {
      const campaign = get(sim.world, 'campaign', ad.campaignId);
      for (let day = Math.max(campaign.startsOn, today - 1125); day <= today; day += 1) {
        sum += adDay(account, campaign, ad, day, today, sim.restatements.count(account, day))?.spend ?? 0;
      }
    }
  }
  return sum;
}

/** A campaign; its budget stands on the campaign, so ad sets have none. */
export function campaignRecord(sim: Simulator, campaign: Campaign): GraphRecord {
  const { timeZone, accountId } = get(sim.world, 'account', campaign.accountId);
  const start = (campaign.startsOn + 0.5) * DAY_MS;
  return {
    id: campaign.id,
    account_id: accountId,
    name: campaign.name,
    objective: campaign.objective,
    status: campaign.status,
    configured_status: campaign.status,
    effective_status: campaign.status,
    daily_budget: String(campaign.dailyBudget),
    budget_remaining: String(Math.floor(campaign.dailyBudget * 0.45)),
    buying_type: 'AUCTION',
    bid_strategy: 'LOWEST_COST_WITHOUT_CAP',
    special_ad_categories: [],
    special_ad_category: 'NONE',
    smart_promotion_type: 'GUIDED_CREATION',
    start_time: graphTime(start, timeZone),
    created_time: graphTime(start - 2 * DAY_MS, timeZone),
    updated_time: graphTime(campaign.updatedAt, timeZone),
    ...(campaign.stopsOn === undefined ? {} : { stop_time: graphTime((campaign.stopsOn + 1) * DAY_MS, timeZone) }),
  };
}

/** An ad set, with its campaign as a nested node. */
export function adsetRecord(sim: Simulator, adset: AdSet): GraphRecord {
  const { timeZone, accountId } = get(sim.world, 'account', adset.accountId);
  const campaign = get(sim.world, 'campaign', adset.campaignId);
  return {
    id: adset.id,
    account_id: accountId,
    campaign_id: adset.campaignId,
    campaign: new NodeRef(campaignRecord(sim, campaign)),
    name: adset.name,
    status: adset.status,
    configured_status: adset.status,
    effective_status: effectiveStatus(adset.status, campaign),
    daily_budget: '0',
    lifetime_budget: '0',
    billing_event: 'IMPRESSIONS',
    optimization_goal: campaign.objective === 'OUTCOME_LEADS' ? 'LEAD_GENERATION' : 'REACH',
    start_time: graphTime((campaign.startsOn + 0.5) * DAY_MS, timeZone),
    created_time: graphTime((campaign.startsOn - 1) * DAY_MS, timeZone),
    updated_time: graphTime(adset.updatedAt, timeZone),
    targeting: { age_min: 25, age_max: 45, geo_locations: { countries: ['AR'] } },
  };
}

/** An ad, with creative, ad set and campaign as nested nodes. */
export function adRecord(sim: Simulator, ad: Ad): GraphRecord {
  const { timeZone, accountId } = get(sim.world, 'account', ad.accountId);
  const campaign = get(sim.world, 'campaign', ad.campaignId);
  return {
    id: ad.id,
    account_id: accountId,
    adset_id: ad.adsetId,
    campaign_id: ad.campaignId,
    adset: new NodeRef(adsetRecord(sim, get(sim.world, 'adset', ad.adsetId))),
    campaign: new NodeRef(campaignRecord(sim, campaign)),
    creative: new NodeRef(creativeRecord(sim, get(sim.world, 'creative', ad.creativeId))),
    name: ad.name,
    status: ad.status,
    configured_status: ad.status,
    effective_status: effectiveStatus(ad.status, campaign),
    created_time: graphTime((campaign.startsOn - 1) * DAY_MS, timeZone),
    updated_time: graphTime(ad.updatedAt, timeZone),
  };
}

/** The status of an ad set or ad as it works out: one below a paused campaign is `CAMPAIGN_PAUSED`. */
export function effectiveStatus(own: string, campaign: Campaign): string {
  return own === 'ACTIVE' && campaign.status === 'PAUSED' ? 'CAMPAIGN_PAUSED' : own;
}

const PICTURE_LIFE_MS = 5 * DAY_MS;

/** A creative; its picture's address is signed and runs out after about five days. */
export function creativeRecord(sim: Simulator, creative: Creative): GraphRecord {
  const { id, name, title, body, pageId } = creative;
  const account = get(sim.world, 'account', creative.accountId);
  const picture = (size: number) => pictureUrl(sim, id, size);
  return {
    id,
    account_id: account.accountId,
    name: `${name} 2026-06-01-${id}`,
    title,
    body,
    status: 'ACTIVE',
    object_type: 'SHARE',
    call_to_action_type: 'SIGN_UP',
    thumbnail_url: picture(64),
    image_url: picture(600),
    image_hash: createHash('md5').update(id).digest('hex'),
    effective_object_story_id: `${pageId}_${id.slice(-15)}`,
    object_story_spec: { page_id: pageId, link_data: { message: body, name: title, link: 'https://example.com/' } },
  };
}

/** The signed address of a creative's picture. */
function pictureUrl(sim: Simulator, creativeId: string, size: number): string {
  // Whole days keep the address the same within a day, as Meta's own hold for a while.
  const expires = Math.ceil((sim.clock.now() + PICTURE_LIFE_MS) / DAY_MS) * DAY_MS;
  const oe = Math.floor(expires / 1000)
    .toString(16)
    .toUpperCase();
  const oh = createHash('sha1').update(`${creativeId}:${oe}:${sim.app.secret}`).digest('hex').slice(0, 20);
  return `${sim.url}/media/${creativeId}.png?stp=p${size}x${size}&oh=${oh}&oe=${oe}`;
}

/** A page without its token; `/me/accounts` adds one. */
export function pageRecord(sim: Simulator, page: Page): GraphRecord {
  return {
    id: page.id,
    name: page.name,
    category: page.category,
    category_list: [{ id: '2235', name: page.category }],
    tasks: page.tasks,
    link: `https://www.facebook.com/${page.id}`,
    fan_count: 1840,
    business: new NodeRef(businessRecord(get(sim.world, 'business', page.businessId)), ['id', 'name']),
  };
}

/** A lead form with its live counts. */
export function formRecord(sim: Simulator, form: LeadForm): GraphRecord {
  const leads = sim.leads.ofForm(form.id).filter((lead) => !lead.test);
  return {
    id: form.id,
    name: form.name,
    status: form.status,
    locale: 'es_LA',
    page_id: form.pageId,
    page: new NodeRef(pageRecord(sim, get(sim.world, 'page', form.pageId)), ['id', 'name']),
    questions: form.questions,
    leads_count: leads.length,
    organic_leads_count: leads.filter((lead) => lead.adId === undefined).length,
    expired_leads_count: leads.filter((lead) => isExpired(sim, lead)).length,
    created_time: '2025-03-04T12:00:00+0000',
    follow_up_action_url: 'https://example.com/gracias',
    privacy_policy_url: 'https://example.com/privacidad',
    ...(form.disclaimer === undefined
      ? {}
      : {
          legal_content: {
            custom_disclaimer: {
              checkboxes: [
                {
                  key: form.disclaimer,
                  is_required: false,
                  is_checked_by_default: false,
                  text: 'Acepto recibir mensajes por WhatsApp',
                },
              ],
            },
          },
        }),
  };
}

/** Leads can be read for 90 days. */
export function isExpired(sim: Simulator, lead: Lead): boolean {
  return lead.createdAt < sim.clock.now() - 90 * DAY_MS;
}

/** A lead; names of ad and campaign only when the caller may read ads, without an error. */
export function leadRecord(sim: Simulator, lead: Lead, withAds: boolean): GraphRecord {
  const base: GraphRecord = {
    id: lead.id,
    created_time: graphTime(lead.createdAt),
    form_id: lead.formId,
    field_data: lead.fieldData,
    is_organic: lead.adId === undefined,
    platform: lead.platform,
    ...(lead.disclaimers.length > 0 ? { custom_disclaimer_responses: lead.disclaimers } : {}),
  };
  if (lead.adId === undefined || !withAds) {
    return lead.adId === undefined ? base : { ...base, ad_id: lead.adId };
  }
  const ad = get(sim.world, 'ad', lead.adId);
  return {
    ...base,
    ad_id: ad.id,
    ad_name: ad.name,
    adset_id: ad.adsetId,
    adset_name: get(sim.world, 'adset', ad.adsetId).name,
    campaign_id: ad.campaignId,
    campaign_name: get(sim.world, 'campaign', ad.campaignId).name,
  };
}

/** A person or system user; only the latter has `client_business_id`. */
export function userRecord(user: User): GraphRecord {
  const { id, name, systemOf } = user;
  return {
    id,
    name,
    ...(systemOf === undefined
      ? { first_name: name.split(' ')[0], last_name: name.split(' ')[1] }
      : { client_business_id: systemOf }),
  };
}
