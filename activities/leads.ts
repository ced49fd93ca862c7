import type { MetaClient } from '../adapters/meta/client.ts';
import type { LeadRecord } from '../adapters/meta/leads.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { AutomationRuns } from '../adapters/postgres/automation-runs.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { FormMappings } from '../adapters/postgres/form-mappings.ts';
import type { LeadForms } from '../adapters/postgres/lead-forms.ts';
import type { CapturedLead, Leads } from '../adapters/postgres/leads.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import type { Rules } from '../adapters/postgres/rules.ts';
import { matches, stepsOf } from '../domain/automation.ts';
import { pageTrouble } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import { targetsOf } from '../domain/form-mapping.ts';
import { personOf } from '../domain/lead.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface LeadDeps {
  meta: Pick<MetaClient, 'readLead' | 'leadForm'>;
  connections: Pick<Connections, 'withToken'>;
  pages: Pick<Pages, 'maybeToken' | 'markProblem'>;
  leads: Leads;
  formMappings: Pick<FormMappings, 'forReading'>;
  leadForms: Pick<LeadForms, 'saveCounts'>;
  rules: Pick<Rules, 'activeForNewLead'>;
  runs: AutomationRuns;
  automationWorkflowId: (run: { tenantId: number; ruleId: string; leadId: string; occurrence: string }) => string;
  startAutomation: (run: {
    tenantId: number;
    runId: string;
    ruleId: string;
    leadId: string;
    occurrence: string;
    dueAt: number;
  }) => Promise<void>;
  tokenRejected: (
    tenantId: number,
    rejection: { subcode: number | null; tokenVersion: number | null },
  ) => Promise<unknown>;
  normalizePhone: (typed: string, country: string) => string | null;
  invalidateFigures: (tenantId: number) => Promise<void>;
  /** Mails the seller that somebody came; nothing of who it is leaves with it. */
  tellSeller: (seller: { email: string; locale: 'es' | 'en' | null }, lead: NewsOfLead) => Promise<unknown>;
  live: LiveUpdates;
  metrics: Pick<Metrics, 'leads' | 'leadLatency'>;
  now?: () => number;
}

export interface NewsOfLead {
  leadId: string;
  campaignName: string | null;
}

interface CaptureInput {
  tenantId: number;
  leadgenId: string;
  pageId: string | null;
  receivedAt: number;
}

interface KeepInput extends Pick<CaptureInput, 'tenantId' | 'leadgenId' | 'pageId'> {
  /** Why, as an error code. */
  code: string;
}

interface MatchInput {
  tenantId: number;
  leadId: string;
  /** The submission that is matched: a person who is known may send several. */
  leadgenId?: string | null;
}

/** `captured` also for a repeat that found its lead there: matching is idempotent and may have been lost before. */
export interface CaptureResult {
  outcome: 'captured' | 'waiting_for_connection' | 'failed';
  leadId: string | null;
}

export type LeadActivities = ReturnType<typeof createLeadActivities>;

/** What a lead's intake has done for it. Personal data lives here for the length of a call and goes to PostgreSQL only. */
export function createLeadActivities(deps: LeadDeps) {
  const { leads, rules, runs, automationWorkflowId, startAutomation, now = Date.now } = deps;
  const askedForms = new Set<string>();
  return {
    /**
     * Reads the lead with the page's token and keeps it once. Without a living connection, without permission, or for any reason that time alone does not
     * mend, the lead waits as a row. Throws `unavailable` and `rate_limited`, to be tried again.
     */
    async captureLead(input: CaptureInput): Promise<CaptureResult> {
      const { tenantId, leadgenId } = input;
      const known = await leads.maybeByLeadgenId(tenantId, leadgenId);
      if (known?.captureState === 'captured') return { outcome: 'captured', leadId: known.leadId };
      // One that waited as a row comes back without its page: the row knows it.
      const wanted = { ...input, pageId: input.pageId ?? known?.pageId ?? null };
      try {
        const record = await readLead(deps, wanted);
        const reading = await readingOf(deps, wanted, record.formId, askedForms);
        const lead = capturedLead(deps, reading, wanted.pageId, record);
        const { leadId, isNew } = await leads.capture(tenantId, lead);
        if (isNew) await announce(deps, wanted, now());
        return { outcome: 'captured', leadId };
      } catch (error) {
        return postpone(deps, wanted, error);
      }
    },

    /** Keeps a lead that could not be read in all the time there was: its row is tried again every hour. */
    async keepForLater({ tenantId, leadgenId, pageId, code }: KeepInput): Promise<void> {
      await leads.postpone(tenantId, leadgenId, pageId, 'failed', code);
    },

    /** Starts one run per active rule that the lead meets; none for what was submitted before its page was connected: nobody is messaged about it. Both the row and the workflow are idempotent by rule, lead and occurrence. */
    async matchRules({ tenantId, leadId, leadgenId = null }: MatchInput): Promise<{ runs: number }> {
      const lead = await leads.facts(tenantId, leadId, leadgenId);
      if (lead.is_from_before) return { runs: 0 };
      await tellSellerOnce(deps, tenantId, leadgenId ?? lead.meta_leadgen_id, lead);
      const occurrence = leadgenId ?? lead.meta_leadgen_id ?? leadId;
      const matching = (await rules.activeForNewLead(tenantId)).filter((rule) =>
        matches(rule.trigger_conditions, { formId: lead.form_id, campaignId: lead.campaign_id }),
      );
      for (const rule of matching) {
        const key = { tenantId, ruleId: rule.id, leadId, occurrence };
        const dueAt = now() + (stepsOf(rule.action_config)[0]?.waitMinutes ?? 0) * 60_000;
        const run = await runs.start(tenantId, {
          ...key,
          dueAt,
          ruleVersion: rule.version,
          workflowId: automationWorkflowId(key),
        });
        if (run.isNew || run.state === 'active') await startAutomation({ ...key, runId: run.runId, dueAt });
      }
      return { runs: matching.length };
    },
  };
}

/** The page's own token reads its leads; the person's does where Meta gave none. */
async function readLead(
  { meta, connections, pages }: LeadDeps,
  { tenantId, leadgenId, pageId }: CaptureInput,
): Promise<LeadRecord> {
  const { token } = await connections.withToken(tenantId);
  const pageToken = pageId === null ? null : await pages.maybeToken(tenantId, pageId);
  return meta.readLead(pageToken ?? token, leadgenId, pageId === null ? {} : { pageId });
}

/** A mail server that is away holds no lead up: the seller sees it in the list all the same. */
async function tellSellerOnce(
  { leads, tellSeller }: LeadDeps,
  tenantId: number,
  leadgenId: string | null,
  lead: Awaited<ReturnType<Leads['facts']>>,
): Promise<void> {
  const { seller_email: email, seller_locale: locale, is_test: isTest } = lead;
  if (email === null || leadgenId === null || isTest || !(await leads.takeTelling(tenantId, leadgenId))) return;
  await tellSeller({ email, locale }, { leadId: lead.id, campaignName: lead.campaign_name }).catch(() => {});
}

type Reading = Awaited<ReturnType<FormMappings['forReading']>>;

/**
 * How the form's answers are read. A form not known yet is itself read once, for what it asks and what stands beside its boxes; what keeps that from
 * happening holds no lead up: the comparison reads all forms within the hour.
 */
async function readingOf(
  { meta, pages, formMappings, leadForms }: LeadDeps,
  { tenantId, pageId }: CaptureInput,
  formId: string | null,
  asked: Set<string>,
): Promise<Reading> {
  const reading = await formMappings.forReading(tenantId, formId);
  const name = `${tenantId}:${formId}`;
  if (reading.isKnown || formId === null || pageId === null || asked.has(name)) return reading;
  asked.add(name);
  const token = await pages.maybeToken(tenantId, pageId);
  if (token === null) return reading;
  try {
    await leadForms.saveCounts(tenantId, pageId, [await meta.leadForm(token, formId, { pageId })]);
  } catch (error) {
    if (error instanceof AppError) return reading;
    throw error;
  }
  return formMappings.forReading(tenantId, formId);
}

/** The lead as it is kept: its person made out of the answers, the phone by the tenant's country. */
export function capturedLead(
  { normalizePhone }: Pick<LeadDeps, 'normalizePhone'>,
  { country, mapping }: Reading,
  pageId: string | null,
  record: LeadRecord,
): CapturedLead {
  const person = personOf(record.fieldData, targetsOf(mapping));
  return {
    leadgenId: record.leadgenId,
    pageId,
    submittedAt: record.createdAt,
    fullName: person.fullName,
    email: person.email,
    phone: person.phone === null ? null : normalizePhone(person.phone, country),
    isTest: person.isTest,
    isOrganic: record.isOrganic,
    platform: record.platform,
    formId: record.formId,
    answers: person.answers,
    fieldData: record.fieldData,
    disclaimers: record.disclaimers,
    adId: record.adId,
    adsetId: record.adsetId,
    campaignId: record.campaignId,
  };
}

async function announce(
  { live, metrics, invalidateFigures }: LeadDeps,
  { tenantId, receivedAt }: CaptureInput,
  now: number,
): Promise<void> {
  metrics.leads.inc({ source: 'meta' });
  metrics.leadLatency.observe(Math.max(0, now - receivedAt) / 1000);
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
}

async function postpone(
  { leads, pages, tokenRejected, connections }: LeadDeps,
  { tenantId, leadgenId, pageId }: CaptureInput,
  error: unknown,
): Promise<CaptureResult> {
  if (!(error instanceof AppError)) throw error;
  // 100/33: not visible yet, or not to this token. Trying again is all that can be done.
  if (error.code === 'not_found')
    throw new AppError('unavailable', `lead ${leadgenId} is not visible yet`, { details: error.details });
  if (error.code === 'reconnect_required') {
    await leads.postpone(tenantId, leadgenId, pageId, 'waiting_for_connection', error.code);
    const { subcode } = error.details;
    const living = await connections.withToken(tenantId).catch(() => null);
    if (living !== null)
      await tokenRejected(tenantId, {
        subcode: typeof subcode === 'number' ? subcode : null,
        tokenVersion: living.version,
      });
    return { outcome: 'waiting_for_connection', leadId: null };
  }
  if (error.code === 'unavailable' || error.code === 'rate_limited') throw error;
  if (error.code === 'permission_missing' && pageId !== null)
    await pages.markProblem(tenantId, pageId, pageTrouble(error.details));
  await leads.postpone(tenantId, leadgenId, pageId, 'failed', error.code);
  return { outcome: 'failed', leadId: null };
}
