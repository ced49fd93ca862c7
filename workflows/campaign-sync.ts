import {
  getExternalWorkflowHandle,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { AccountPlan, CampaignSyncActivities, SyncPlan } from '../activities/campaign-sync.ts';
import type { ConnectionActivities } from '../activities/connection.ts';
import type { CreativePictureActivities } from '../activities/creative-pictures.ts';
import { rejectionReason } from '../domain/connection.ts';
import { connectionWorkflowId, tokenRejectedSignal } from './connection.ts';
import { codeOf, detailsOf } from './failure.ts';

const { syncObjects, syncInsights } = proxyActivities<CampaignSyncActivities>({
  startToCloseTimeout: '10 minutes',
  // A page may take a minute; the next sync starts in four hours.
  heartbeatTimeout: '90 seconds',
  scheduleToCloseTimeout: '3 hours',
  retry: { initialInterval: '5 seconds', maximumInterval: '10 minutes' },
});
const { planSync, finishAccount, finishSync } = proxyLocalActivities<CampaignSyncActivities>({
  startToCloseTimeout: '60 seconds',
});
const { copyPictures } = proxyActivities<CreativePictureActivities>({
  startToCloseTimeout: '60 seconds',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 2 },
});
const { markReconnectNeeded } = proxyLocalActivities<ConnectionActivities>({ startToCloseTimeout: '10 seconds' });

/** The Schedule's id; each run's own id is this and its time. */
export const campaignSyncId = (tenantId: number): string => `campaign-sync:${tenantId}`;

export interface CampaignSyncResult {
  accounts: number;
  failed: number;
  rows: number;
}

// Enough that one account waiting for its limit holds up nobody else.
const ACCOUNTS_AT_ONCE = 4;

/** Copies a tenant's campaigns and their daily figures, account by account; one that fails does not stop the others. */
export async function campaignSyncWorkflow({ tenantId }: { tenantId: number }): Promise<CampaignSyncResult> {
  const { runId: workflowRunId, startTime } = workflowInfo();
  const plan = await planSync({ tenantId, workflowRunId });
  if (plan === null) return { accounts: 0, failed: 0, rows: 0 };
  const result = await syncAccounts(tenantId, plan);
  const { accounts, failed, rows, errorCode } = result;
  // Before the end: a run that goes on after its end would keep the next one from starting. The figures stand already.
  if (patched('pictures') && rows > 0) await copyPictures({ tenantId }).catch(() => null);
  await finishSync({ tenantId, runId: plan.runId, errorCode, startedAt: startTime.getTime() });
  return { accounts, failed, rows };
}

interface Tally extends CampaignSyncResult {
  errorCode: string | null;
}

async function syncAccounts(tenantId: number, { runId, accounts }: SyncPlan): Promise<Tally> {
  const tally: Tally = { accounts: accounts.length, failed: 0, rows: 0, errorCode: null };
  const waiting = [...accounts];
  const worker = async () => {
    for (let account = waiting.shift(); account !== undefined; account = waiting.shift()) {
      setCurrentDetails(`${accounts.length - waiting.length} of ${accounts.length} ad accounts begun`);
      try {
        const rows = await syncAccount(tenantId, runId, account);
        tally.rows += rows; // not `+= await`: that reads the sum before the others have added theirs
      } catch (error) {
        tally.failed += 1;
        tally.errorCode ??= codeOf(error) ?? 'unavailable';
        if (codeOf(error) !== 'reconnect_required') continue;
        waiting.length = 0; // the token is the tenant's: the others would be refused too
        await reportRejection(tenantId, detailsOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(ACCOUNTS_AT_ONCE, accounts.length) }, worker));
  return tally;
}

async function syncAccount(tenantId: number, runId: string, account: AccountPlan) {
  const { adAccountId, window, changesOnly, slices } = account;
  const of = { tenantId, runId, adAccountId };
  await syncObjects.executeWithOptions({ summary: `objects of account ${adAccountId}` }, [{ ...of, changesOnly }]);
  const readFrom = Date.now(); // a day that ends while it is read was not over when it was read
  let rows = 0;
  for (let left = slices; left.length > 0; ) {
    const summary = `days of account ${adAccountId} until ${left[0]?.until}`;
    const done = await syncInsights.executeWithOptions({ summary }, [{ ...of, slices: left, readFrom }]);
    rows += done.rows;
    left = left.slice(Math.max(1, done.slicesDone));
  }
  await finishAccount({ ...of, window, readFrom });
  return rows;
}

/** Tells the connection that Meta refused its token; without a running connection workflow the table is told. */
async function reportRejection(tenantId: number, details: Readonly<Record<string, unknown>>): Promise<void> {
  if (details['metaCode'] === undefined) return; // our own refusal: the connection is known to be gone
  const subcode = typeof details['subcode'] === 'number' ? details['subcode'] : null;
  const tokenVersion = typeof details['tokenVersion'] === 'number' ? details['tokenVersion'] : null;
  try {
    const connection = getExternalWorkflowHandle(connectionWorkflowId(tenantId));
    await connection.signal(tokenRejectedSignal, { subcode, tokenVersion });
  } catch {
    await markReconnectNeeded({ tenantId, reason: rejectionReason(subcode), tokenVersion });
  }
}
