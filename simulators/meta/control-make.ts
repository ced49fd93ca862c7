import { announce } from './lead-edges.ts';
import { hash32, pick } from './random.ts';
import type { Simulator } from './simulator.ts';
import { allScopes } from './tokens.ts';
import { type Ad, find, get, type LeadForm } from './world-types.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * A long-lived token of the first user, who has all scopes and sees the whole world.
 * Optional: `user_id`, `scopes`, `expiresInSeconds` (0 = never), `page_id` for a page token, `short: true`.
 */
export function makeToken(sim: Simulator, body: Body): { access_token: string } {
  const user = body['user_id'] === undefined ? sim.world.users[0] : find(sim.world, 'user', String(body['user_id']));
  if (user === undefined) {
    throw new Error('user_id is not in the world');
  }
  const pageId = body['page_id'] === undefined ? '' : get(sim.world, 'page', String(body['page_id'])).id;
  const lifetime =
    typeof body['expiresInSeconds'] === 'number' ? body['expiresInSeconds'] : sim.settings.longLivedSeconds;
  const access_token = sim.tokens.issue({
    kind: pageId !== '' ? 'PAGE' : user.systemOf === undefined ? 'USER' : 'SYSTEM_USER',
    userId: user.id,
    pageId,
    scopes: Array.isArray(body['scopes']) ? body['scopes'].map(String) : allScopes,
    longLived: body['short'] !== true,
    expiresAt: lifetime === 0 ? 0 : sim.clock.seconds() + lifetime,
  });
  return { access_token };
}

/** Makes tokens answer 190 with `subcode`: those of `user_id`, or one `access_token`, or, with neither, everybody's. */
export function killTokens(sim: Simulator, body: Body): { success: true } {
  const subcode = typeof body['subcode'] === 'number' ? body['subcode'] : undefined;
  if (typeof body['access_token'] === 'string') {
    sim.tokens.kill({ token: body['access_token'] }, subcode);
    return { success: true };
  }
  const users = sim.world.users.filter(({ id }) => body['user_id'] === undefined || id === body['user_id']);
  for (const { id } of users) {
    sim.tokens.kill({ userId: id }, subcode);
  }
  return { success: true };
}

/**
 * People submit a form. Answers once the leads exist and their webhooks are queued, without waiting for delivery.
 * Beside the contract's `form_id`, `count`, `duplicates` (further copies of each webhook), `organic` and `test`:
 * `ad_id`; `answers` by question key; `batch` changes per POST (up to 1000); `deliver: false` (Meta never tells);
 * `delaySeconds`; `visibleAfterSeconds` (100/33 until then); `createdSecondsAgo`; `shuffle` (not in order);
 * `badSignature`; `foreign` (a change of another field beside the leads, full of accents and slashes); `force` (deliver although the page is not subscribed).
 */
export function createLeads(sim: Simulator, body: Body): { leadgen_ids: string[] } {
  const form = formOf(sim, body['form_id']);
  const count = number(body['count'], 1);
  const createdAt = sim.clock.now() - number(body['createdSecondsAgo'], 0) * 1000;
  const visibleAt = sim.clock.now() + number(body['visibleAfterSeconds'], 0) * 1000;
  const answers = body['answers'] as Record<string, string[]> | undefined;
  const test = body['test'] === true;
  const leads = Array.from({ length: count }, (_unused, index) => {
    const ad = body['organic'] === true ? undefined : adOf(sim, form, body['ad_id'], index);
    return sim.leads.create({ form, ad, test, createdAt, visibleAt, ...(answers === undefined ? {} : { answers }) });
  });
  const order = body['shuffle'] === true ? leads.toSorted((a, b) => hash32(a.id) - hash32(b.id)) : leads;
  announce(sim, order, {
    batch: number(body['batch'], 1),
    delaySeconds: number(body['delaySeconds'], 0),
    copies: 1 + (body['duplicates'] === true ? 1 : number(body['duplicates'], 0)),
    badSignature: body['badSignature'] === true,
    foreign: body['foreign'] === true,
    evenUnsubscribed: body['force'] === true,
    deliver: body['deliver'] !== false,
  });
  return { leadgen_ids: leads.map((lead) => lead.id) };
}

/** The named form; else the first active one of the page that subscribed first; else the first of all. */
function formOf(sim: Simulator, id: unknown): LeadForm {
  if (id !== undefined) {
    const form = find(sim.world, 'form', String(id));
    if (form === undefined) {
      throw new Error('form_id is not in the world');
    }
    return form;
  }
  const [pageId] = [...sim.subscribedPages].find(([, fields]) => fields.includes('leadgen')) ?? [];
  const active = sim.world.forms.filter((form) => form.status === 'ACTIVE');
  const form = active.find((candidate) => candidate.pageId === pageId) ?? active[0];
  if (form === undefined) {
    throw new Error('the world has no active form');
  }
  return form;
}

/** An ad of a lead campaign in the page's account, a different one from lead to lead. */
function adOf(sim: Simulator, form: LeadForm, id: unknown, index: number): Ad {
  if (id !== undefined) {
    return get(sim.world, 'ad', String(id));
  }
  const { accountId } = get(sim.world, 'page', form.pageId);
  const ads = sim.world.ads.filter((ad) => {
    const campaign = get(sim.world, 'campaign', ad.campaignId);
    return (
      ad.accountId === accountId &&
      ad.status === 'ACTIVE' &&
      campaign.status === 'ACTIVE' &&
      campaign.objective === 'OUTCOME_LEADS'
    );
  });
  return pick(ads, hash32(sim.world.seed, form.id, index));
}

function number(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : fallback;
}
