import { heartbeat } from '@temporalio/activity';
import type { MetaClient } from '../adapters/meta/client.ts';
import type { LeadRecord } from '../adapters/meta/leads.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { LeadForms } from '../adapters/postgres/lead-forms.ts';
import type { Leads } from '../adapters/postgres/leads.ts';
import type { Pages } from '../adapters/postgres/pages.ts';
import { isLive, pageTrouble } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import { type Depth, readingOf, readSince } from '../domain/lead-reconciliation.ts';
import { capturedLead, type LeadDeps } from './leads.ts';

export type LeadReconciliationDeps = Pick<
  LeadDeps,
  'normalizePhone' | 'tokenRejected' | 'invalidateFigures' | 'live' | 'metrics'
> & {
  meta: Pick<MetaClient, 'leadForms' | 'formLeads'>;
  connections: Pick<Connections, 'byTenant' | 'withToken'>;
  pages: Pick<Pages, 'listForTenant' | 'maybeToken' | 'markProblem'>;
  leads: Pick<Leads, 'known' | 'capture'>;
  formMappings: LeadDeps['formMappings'];
  leadForms: LeadForms;
  /** Starts the lead's intake: it finds the lead captured, or captures it, and starts the runs of its rules. Safe to repeat. */
  startIntake: (lead: {
    tenantId: number;
    leadgenId: string;
    pageId: string | null;
    receivedAt: number;
  }) => Promise<void>;
  now?: () => number;
};

interface OfPage {
  tenantId: number;
  pageId: string;
}
interface OfForm extends OfPage {
  formId: string;
  depth: Depth;
}

export type LeadReconciliationActivities = ReturnType<typeof createLeadReconciliationActivities>;

// An earlier try of the same reading may have captured a lead and died before its rules were started.
const STARTED_AGAIN_MS = 2 * 60 * 60_000;

/** Compares Meta's leads with ours. Personal data lives here for the length of a call and goes to PostgreSQL only. */
export function createLeadReconciliationActivities(deps: LeadReconciliationDeps) {
  const { meta, connections, pages, leadForms, live, now = Date.now } = deps;
  return {
    /** The pages to compare: none while nothing is connected. */
    async planReconciliation({ tenantId }: { tenantId: number }): Promise<{ pageIds: string[] }> {
      const { status } = await connections.byTenant(tenantId);
      if (!isLive(status)) return { pageIds: [] };
      return { pageIds: (await pages.listForTenant(tenantId)).map(({ pageId }) => pageId) };
    },

    /**
     * Notes how many leads Meta counts for each form of a page; gives the forms whose leads must be read.
     * @throws AppError `permission_missing`, `reconnect_required`, `rate_limited`, `unavailable`
     */
    countForms: ({ tenantId, pageId }: OfPage): Promise<{ readings: { formId: string; depth: Depth }[] }> =>
      reportingRejection(deps, { tenantId, pageId }, async () => {
        const formIds: string[] = [];
        for await (const { rows } of meta.leadForms(await tokenOf(deps, tenantId, pageId), pageId)) {
          await leadForms.saveCounts(tenantId, pageId, rows);
          formIds.push(...rows.map(({ formId }) => formId));
        }
        const counts = await leadForms.counts(tenantId, formIds);
        const readings = counts.flatMap(({ formId, ...form }) => {
          const depth = readingOf(form, now());
          return depth === null ? [] : [{ formId, depth }];
        });
        return { readings };
      }),

    /**
     * Captures what the form has and we have not. Leads submitted before the page was connected are kept without messaging anyone; every other one
     * goes through its intake. The form counts as read only when every lead of it is here.
     */
    readForm: ({ tenantId, pageId, formId, depth }: OfForm): Promise<{ captured: number; recovered: number }> =>
      reportingRejection(deps, { tenantId, pageId }, async () => {
        const tally = { captured: 0, recovered: 0 };
        const token = await tokenOf(deps, tenantId, pageId);
        const page = (await pages.listForTenant(tenantId)).find((one) => one.pageId === pageId);
        const connectedAt = page?.subscribedAt?.getTime() ?? Number.POSITIVE_INFINITY;
        for await (const { rows } of meta.formLeads(token, formId, { since: readSince(depth, now()), pageId })) {
          const found = await captureMissing(deps, { tenantId, pageId }, rows, connectedAt, now());
          tally.captured += found.captured;
          tally.recovered += found.recovered;
          heartbeat(tally);
        }
        await leadForms.markRead(tenantId, formId, depth);
        if (tally.captured > 0) await deps.invalidateFigures(tenantId);
        live.publish(tenantId, 'leads');
        return tally;
      }),

    /** Keeps how a page's comparison ended, for the screen. */
    async finishPage({ tenantId, pageId, errorCode }: OfPage & { errorCode: string | null }): Promise<void> {
      await leadForms.notePage(tenantId, pageId, errorCode);
      if (errorCode === null && (await pages.markProblem(tenantId, pageId, null))) live.publish(tenantId, 'connection');
      live.publish(tenantId, 'leads');
    },
  };
}

async function captureMissing(
  deps: LeadReconciliationDeps,
  { tenantId, pageId }: OfPage,
  records: readonly LeadRecord[],
  connectedAt: number,
  now: number,
): Promise<{ captured: number; recovered: number }> {
  const known = await deps.leads.known(
    tenantId,
    records.map(({ leadgenId }) => leadgenId),
  );
  let [captured, recovered] = [0, 0];
  for (const record of records) {
    const { leadgenId, createdAt } = record;
    const here = known.get(leadgenId);
    const isOurs = createdAt.getTime() >= connectedAt;
    if (here === undefined) {
      const reading = await deps.formMappings.forReading(tenantId, record.formId);
      const lead = capturedLead(deps, reading, pageId, record);
      const { isNew } = await deps.leads.capture(tenantId, lead, { isMissed: isOurs });
      if (!isNew) continue; // its webhook came meanwhile
      captured += 1;
      recovered += isOurs ? 1 : 0;
      deps.metrics.leads.inc({ source: 'meta' });
    }
    if (needsIntake(here, isOurs, now))
      await deps.startIntake({ tenantId, leadgenId, pageId, receivedAt: createdAt.getTime() });
  }
  return { captured, recovered };
}

function needsIntake(
  here: { captureState: string; recoveredAt: Date | null } | undefined,
  isOurs: boolean,
  now: number,
): boolean {
  if (here === undefined) return isOurs;
  if (here.captureState !== 'captured') return true;
  return here.recoveredAt !== null && now - here.recoveredAt.getTime() < STARTED_AGAIN_MS;
}

/** Only the page's own token lists its forms. */
async function tokenOf({ pages }: LeadReconciliationDeps, tenantId: number, pageId: string): Promise<string> {
  const token = await pages.maybeToken(tenantId, pageId);
  if (token === null)
    throw new AppError('permission_missing', `page ${pageId} has no token`, { details: { reason: 'token_missing' } });
  return token;
}

/** A token that Meta refuses is news for the connection, with the version it was said of; a page that gives nothing, for the page. */
async function reportingRejection<T>(
  { connections, pages, tokenRejected }: LeadReconciliationDeps,
  { tenantId, pageId }: OfPage,
  work: () => Promise<T>,
): Promise<T> {
  const living = await connections.withToken(tenantId);
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === 'reconnect_required') {
      const { subcode } = error.details;
      await tokenRejected(tenantId, {
        subcode: typeof subcode === 'number' ? subcode : null,
        tokenVersion: living.version,
      });
    }
    if (error instanceof AppError && error.code === 'permission_missing')
      await pages.markProblem(tenantId, pageId, pageTrouble(error.details));
    throw error;
  }
}
