import { proxyActivities, proxyLocalActivities, setCurrentDetails } from '@temporalio/workflow';
import type { LeadReconciliationActivities } from '../activities/lead-reconciliation.ts';
import { codeOf } from './failure.ts';

const { countForms, readForm } = proxyActivities<LeadReconciliationActivities>({
  // A first reading goes back 90 days; a page of leads may take a minute.
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '2 minutes',
  // The next comparison starts in an hour.
  scheduleToCloseTimeout: '50 minutes',
  retry: { initialInterval: '5 seconds', maximumInterval: '5 minutes' },
});
const { planReconciliation, finishPage } = proxyLocalActivities<LeadReconciliationActivities>({
  startToCloseTimeout: '30 seconds',
});

/** The Schedule's id; each run's own id is this and its time. */
export const leadReconciliationId = (tenantId: number): string => `lead-reconciliation:${tenantId}`;

export interface LeadReconciliationResult {
  pages: number;
  failed: number;
  /** Forms whose leads were read. */
  forms: number;
  /** Leads that were here nowhere before. */
  captured: number;
  /** Those of them that a webhook should have told us of. */
  recovered: number;
}

/** Compares each page's forms with ours and reads the leads of those that differ; a page that fails does not stop the others. */
export async function leadReconciliationWorkflow({
  tenantId,
}: {
  tenantId: number;
}): Promise<LeadReconciliationResult> {
  const { pageIds } = await planReconciliation({ tenantId });
  const result = { pages: pageIds.length, failed: 0, forms: 0, captured: 0, recovered: 0 };
  for (const [at, pageId] of pageIds.entries()) {
    setCurrentDetails(`page ${at + 1} of ${pageIds.length}`);
    const errorCode = await reconcilePage(tenantId, pageId, result);
    await finishPage({ tenantId, pageId, errorCode });
    if (errorCode === null) continue;
    result.failed += 1;
    if (errorCode === 'reconnect_required') break; // the other pages' tokens are the same person's
  }
  return result;
}

/** Gives the code of what stood in the way, or null. */
async function reconcilePage(
  tenantId: number,
  pageId: string,
  result: LeadReconciliationResult,
): Promise<string | null> {
  try {
    const { readings } = await countForms.executeWithOptions({ summary: `forms of page ${pageId}` }, [
      { tenantId, pageId },
    ]);
    for (const { formId, depth } of readings) {
      const summary = `${depth} leads of form ${formId}`;
      const done = await readForm.executeWithOptions({ summary }, [{ tenantId, pageId, formId, depth }]);
      result.forms += 1;
      result.captured += done.captured;
      result.recovered += done.recovered;
    }
    return null;
  } catch (error) {
    return codeOf(error) ?? 'unavailable';
  }
}
