import { type Context, requirePageTask, requireScope } from './context.ts';
import { badParameter, GraphError } from './errors.ts';
import { parseFilters, passes } from './filtering.ts';
import { isObject, parseJson } from './http.ts';
import type { Lead } from './leads.ts';
import { list } from './listing.ts';
import { formRecord, isExpired, leadRecord } from './records.ts';
import type { Simulator } from './simulator.ts';
import { type Ad, get, type LeadForm, type Page } from './world-types.ts';

type Listed = ReturnType<typeof list>;

/** `/{page}/leadgen_forms`: archived forms are listed too, with their status. */
export function forms(context: Context<Page>): Listed {
  const { sim, node, caller } = context;
  requireScope(caller, 'leads_retrieval', 'pages_manage_ads');
  requirePageTask(node, 'ADVERTISE');
  const items = sim.world.forms.filter((form) => form.pageId === node.id);
  return list(context, {
    kind: 'form',
    items,
    record: (form) => formRecord(sim, form),
    defaults: ['id', 'locale', 'name', 'status'],
  });
}

/** `/{form}/leads`: test leads are among them; newest first. */
export function formLeads(context: Context<LeadForm>): Listed {
  return leads(context, context.sim.leads.ofForm(context.node.id));
}

/** `/{ad}/leads`: organic leads have no ad and are missing here. */
export function adLeads(context: Context<Ad>): Listed {
  return leads(context, context.sim.leads.ofAd(context.node.id));
}

function leads(context: Context, all: readonly Lead[]): Listed {
  const { sim, call, caller } = context;
  requireLeadAccess(context, all[0]?.pageId);
  const filters = parseFilters(call.params['filtering']);
  const now = sim.clock.now();
  const items = all.filter((lead) => {
    const time = Math.floor(lead.createdAt / 1000);
    return lead.visibleAt <= now && !isExpired(sim, lead) && filters.every((filter) => passesTime(time, filter));
  });
  const record = (lead: Lead) => leadRecord(sim, lead, mayReadAds(caller));
  return list(context, { kind: 'lead', items, record, defaults: ['created_time', 'id', 'field_data'] });
}

function passesTime(time: number, filter: ReturnType<typeof parseFilters>[number]): boolean {
  if (filter.field !== 'time_created') {
    throw badParameter(`Filtering field ${filter.field} is not supported`);
  }
  return passes(time, filter);
}

/** Throws 200 without the permission, or when the page's leads are not open to this caller. */
export function requireLeadAccess(context: Context, pageId: string | undefined): void {
  requireScope(context.caller, 'leads_retrieval');
  if (pageId !== undefined) {
    requirePageTask(get(context.sim.world, 'page', pageId), 'ADVERTISE');
  }
}

/** Whether names of ads and campaigns are shown to this caller. */
export function mayReadAds({ permissions }: Context['caller']): boolean {
  return permissions.get('ads_read') === 'granted' || permissions.get('ads_management') === 'granted';
}

/** `POST /{form}/test_leads`: one at a time; an empty body fills the dummies. The webhook follows. */
export function createTestLead(context: Context<LeadForm>): { id: string } {
  const { sim, call, node } = context;
  requireLeadAccess(context, node.pageId);
  if (sim.leads.testLeadOf(node.id) !== undefined) {
    throw new GraphError(100, '(#100) Invalid parameter', {
      subcode: 1_892_181,
      userTitle: 'Test lead exists',
      userMessage: 'You can only create one test lead per form. Delete the existing one first.',
    });
  }
  const now = sim.clock.now();
  const lead = sim.leads.create({
    form: node,
    ad: undefined,
    test: true,
    createdAt: now,
    visibleAt: now,
    answers: answersOf(call.params['field_data']),
  });
  announce(sim, [lead]);
  return { id: lead.id };
}

/** `GET /{form}/test_leads`. */
export function testLeads(context: Context<LeadForm>): Listed {
  requireLeadAccess(context, context.node.pageId);
  const lead = context.sim.leads.testLeadOf(context.node.id);
  const record = (item: Lead) => leadRecord(context.sim, item, false);
  return list(context, {
    kind: 'lead',
    items: lead === undefined ? [] : [lead],
    record,
    defaults: ['created_time', 'id', 'field_data'],
  });
}

/** `DELETE /{lead}`: only a test lead can be deleted. */
export function deleteLead(context: Context<Lead>): { success: true } {
  requireLeadAccess(context, context.node.pageId);
  if (!context.node.test) {
    throw new GraphError(200, '(#200) Permissions error', { status: 403 });
  }
  context.sim.leads.delete(context.node.id);
  return { success: true };
}

function answersOf(text: string | undefined): Record<string, readonly string[]> {
  const value = text === undefined ? undefined : parseJson(text);
  const entries = Array.isArray(value) ? value.filter(isObject) : [];
  return Object.fromEntries(
    entries.map(({ name, values }) => [String(name), Array.isArray(values) ? values.map(String) : []]),
  );
}

/** How new leads become known; by default one webhook each, at once, where the page is subscribed. */
export interface Announcement {
  readonly batch?: number;
  readonly delaySeconds?: number;
  readonly badSignature?: boolean;
  readonly foreign?: boolean;
  readonly evenUnsubscribed?: boolean;
  readonly copies?: number;
  readonly deliver?: boolean;
}

/** Puts new leads into the ledger and queues their webhooks where the page is subscribed. */
export function announce(sim: Simulator, made: readonly Lead[], options: Announcement = {}): void {
  for (const lead of made) {
    sim.ledger.lead({ leadgen_id: lead.id, form_id: lead.formId, page_id: lead.pageId });
  }
  const { batch = 1, delaySeconds = 0, badSignature = false, foreign = false, copies = 1, deliver = true } = options;
  const heard = made.filter(({ pageId }) => options.evenUnsubscribed || isHeard(sim, pageId));
  for (let copy = 0; deliver && copy < copies; copy += 1) {
    sim.webhooks.queue(heard, { batch: Math.min(Math.max(batch, 1), 1000), delaySeconds, badSignature, foreign });
  }
}

function isHeard(sim: Simulator, pageId: string): boolean {
  const ofPage = sim.subscribedPages.get(pageId) ?? [];
  return sim.app.fields.includes('leadgen') && ofPage.includes('leadgen');
}
