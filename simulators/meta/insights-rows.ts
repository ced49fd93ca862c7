import { dayText } from './clock.ts';
import type { Span } from './insights-range.ts';
import type { Part, Sums } from './insights-sums.ts';
import type { Simulator } from './simulator.ts';
import { type Ad, type AdAccount, get } from './world-types.ts';

type Row = Record<string, unknown>;

/** A level that rows can be made at. */
export type Level = 'account' | 'campaign' | 'adset' | 'ad';
export const levels: readonly Level[] = ['account', 'campaign', 'adset', 'ad'];

/** Decimal text of minor units, e.g. `412.36`, or `412` where the currency has no minor units. */
export function money(minor: number, account: AdAccount): string {
  return account.offset === 1
    ? String(minor)
    : `${Math.trunc(minor / 100)}.${String(Math.abs(minor % 100)).padStart(2, '0')}`;
}

/** One action with its count; `view` is the part credited to a view within a day. */
interface Action {
  readonly type: string;
  readonly count: number;
  readonly view: number;
}

/** Every action of a sum. `lead` holds all leads, the others are parts of it: they overlap and must never be added. */
function actionsOf(sums: Sums): Action[] {
  const { clicks, linkClicks, formLeads, viewLeads, pixelLeads, purchases } = sums;
  const plain = (type: string, count: number): Action => ({ type, count, view: 0 });
  return [
    plain('page_engagement', clicks),
    plain('post_engagement', clicks),
    plain('link_click', linkClicks),
    plain('landing_page_view', pixelLeads > 0 ? Math.floor(linkClicks * 0.7) : 0),
    { type: 'lead', count: formLeads + pixelLeads, view: viewLeads },
    { type: 'onsite_conversion.lead_grouped', count: formLeads, view: viewLeads },
    { type: 'leadgen_grouped', count: formLeads, view: viewLeads },
    plain('offsite_conversion.fb_pixel_lead', pixelLeads),
    plain('purchase', purchases),
    plain('offsite_conversion.fb_pixel_purchase', purchases),
  ].filter((action) => action.count > 0);
}

/** Keys that come with each action when attribution windows are asked for. */
function windowsOf({ count, view }: Action, windows: readonly string[]): Row {
  const click = count - view;
  const known: Readonly<Record<string, number>> = {
    '1d_click': Math.floor(click * 0.8),
    '7d_click': click,
    '28d_click': click,
    '1d_view': view,
  };
  return Object.fromEntries(windows.flatMap((name) => ((known[name] ?? 0) > 0 ? [[name, String(known[name])]] : [])));
}

const sixDigits = (value: number) => String(Number(value.toFixed(6)));

/** What each metric's column shows; undefined leaves it out, as Meta leaves out zeros. */
export function metrics(sums: Sums, account: AdAccount, windows: readonly string[]): Row {
  const { impressions, clicks, linkClicks, spend, reach } = sums;
  const major = spend / account.offset;
  const count = (value: number) => (value > 0 ? String(value) : undefined);
  const ratio = (top: number, bottom: number) => (top > 0 && bottom > 0 ? sixDigits(top / bottom) : undefined);
  return {
    impressions: count(impressions),
    clicks: count(clicks),
    reach: count(reach),
    spend: spend > 0 ? money(spend, account) : undefined,
    inline_link_clicks: count(linkClicks),
    unique_clicks: count(Math.ceil(clicks * 0.95)),
    frequency: ratio(impressions, reach),
    ctr: ratio(100 * clicks, impressions),
    cpc: ratio(major, clicks),
    cpm: ratio(1000 * major, impressions),
    cpp: ratio(1000 * major, reach),
    cost_per_inline_link_click: ratio(major, linkClicks),
    inline_link_click_ctr: ratio(100 * linkClicks, impressions),
    ...actionColumns(sums, account, windows),
  };
}

/** The columns that are lists by action type; an empty list is left out. */
function actionColumns(sums: Sums, account: AdAccount, windows: readonly string[]): Row {
  const { spend, linkClicks, purchases, purchaseValue } = sums;
  const actions = actionsOf(sums);
  const list = (entries: Row[]) => (entries.length > 0 ? entries : undefined);
  const bought = (value: string, ...types: string[]) =>
    list(purchases > 0 ? types.map((action_type) => ({ action_type, value })) : []);
  const outbound = { action_type: 'outbound_click', value: String(Math.floor(linkClicks * 0.9)) };
  return {
    actions: list(
      actions.map((action) => ({
        action_type: action.type,
        value: String(action.count),
        ...windowsOf(action, windows),
      })),
    ),
    cost_per_action_type: list(
      actions.map(({ type, count }) => ({ action_type: type, value: sixDigits(spend / account.offset / count) })),
    ),
    outbound_clicks: list(linkClicks > 0 ? [outbound] : []),
    action_values: bought(money(purchaseValue, account), 'purchase', 'offsite_conversion.fb_pixel_purchase'),
    purchase_roas: bought(sixDigits(purchaseValue / Math.max(spend, 1)), 'purchase'),
  };
}

/** Names and ids of what a row is about, by level. */
export function subject(sim: Simulator, account: AdAccount, level: Level, ad: Ad): Row {
  const campaign = get(sim.world, 'campaign', ad.campaignId);
  const row: Row = {
    account_id: account.accountId,
    account_name: account.name,
    account_currency: account.currency,
  };
  const depth = levels.indexOf(level);
  if (depth >= 1) {
    Object.assign(row, {
      campaign_id: campaign.id,
      campaign_name: campaign.name,
      objective: campaign.objective,
      buying_type: 'AUCTION',
    });
  }
  if (depth >= 2) {
    Object.assign(row, { adset_id: ad.adsetId, adset_name: get(sim.world, 'adset', ad.adsetId).name });
  }
  return depth >= 3 ? Object.assign(row, { ad_id: ad.id, ad_name: ad.name }) : row;
}

/** A finished row: the wanted columns in the order asked for, then breakdown keys and the dates. */
export function finishRow(full: Row, fields: readonly string[], part: Part, span: Span): Row {
  const row: Row = {};
  for (const name of fields) {
    if (full[name] !== undefined) {
      row[name] = full[name];
    }
  }
  return { ...row, date_start: dayText(span.since), date_stop: dayText(span.until), ...part.keys };
}
