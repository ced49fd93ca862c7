import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import type { CampaignSyncActivities, SyncPlan } from '../../activities/campaign-sync.ts';
import type { ConnectionActivities } from '../../activities/connection.ts';
import { AppError } from '../../domain/error.ts';
import { syncOffsetMs } from '../../domain/insights.ts';
import { workflowBench } from '../../test/time-skipping.ts';
import { createCampaignSyncs } from './campaign-sync.ts';
import { createConnectionWorkflows } from './connection.ts';
import { createSchedules } from './schedules.ts';

const bench = workflowBench('index.ts', 'dev');
const patience = { timeout: 20_000, interval: 50 };
let nextTenant = 1000;

const fakes = {
  beginAttempt: async () => {},
  exchangeCode: async () => ({ outcome: 'exchanged' as const }),
  failAttempt: async () => {},
  isReturnUndelivered: async () => false,
  listAssets: async () => ({ adAccounts: 1, pages: 1 }),
  chooseAssets: async () => {
    throw new AppError('invalid', 'choice refused', { details: { reason: 'no_ad_account' } });
  },
  confirmConnection: async () => ({ expiresAt: null, dataAccessExpiresAt: null }),
  startSyncing: async () => {},
  refreshToken: async () => ({ expiresAt: null, dataAccessExpiresAt: null, moved: true }),
  testToken: async () => ({ isValid: true, subcode: null, tokenVersion: 1, missingScopes: [] }),
  noteRefreshFailed: async () => {},
  markReconnectNeeded: async () => true,
  disconnectMeta: async () => {},
} satisfies ConnectionActivities;

describe('The connection, for pages', () => {
  it('starts a workflow on the first sign-in and hands a refusal over with its reason', async () => {
    const tenantId = nextTenant++;
    await bench.withActivities(fakes, async () => {
      const connection = createConnectionWorkflows(bench.env.client, { taskQueue: bench.taskQueue });
      const attemptId = randomUUID();
      await connection.begin(tenantId, attemptId);
      await connection.begin(tenantId, attemptId);
      await expect(connection.confirm(tenantId, attemptId)).rejects.toMatchObject({
        code: 'conflict',
        details: { reason: 'step' },
      });
      await connection.deliverOauthReturned(tenantId, attemptId);
      const business = { attemptId, businessId: '2003' };
      expect(await vi.waitFor(() => connection.selectBusiness(tenantId, business), patience)).toEqual({
        adAccounts: 1,
        pages: 1,
      });
      const choice = { attemptId, adAccountIds: [], pageIds: [] };
      await expect(connection.selectAssets(tenantId, choice)).rejects.toMatchObject({
        code: 'invalid',
        details: { reason: 'no_ad_account' },
      });
      await bench.env.client.workflow.getHandle(`connection:${tenantId}`).terminate();
    });
  });

  it('tells a person at once that Meta asks for a pause, instead of waiting it out', async () => {
    const tenantId = nextTenant++;
    const throttled = async () => {
      throw new AppError('rate_limited', 'Graph businesses: 4', { retryAfterMs: 60_000 });
    };
    await bench.withActivities({ ...fakes, testToken: throttled }, async () => {
      const connection = createConnectionWorkflows(bench.env.client, { taskQueue: bench.taskQueue });
      await connection.begin(tenantId, randomUUID());
      const startedAt = Date.now();
      await expect(connection.test(tenantId)).rejects.toMatchObject({ code: 'rate_limited' });
      expect(Date.now() - startedAt).toBeLessThan(20_000);
      await bench.env.client.workflow.getHandle(`connection:${tenantId}`).terminate();
    });
  });

  it('takes a signal to a connection that does not run for done', async () => {
    const connection = createConnectionWorkflows(bench.env.client);
    const tenantId = nextTenant++;
    await connection.deliverOauthReturned(tenantId, randomUUID());
    expect(await connection.tokenRejected(tenantId, { subcode: 463, tokenVersion: null })).toBe(false);
    expect(await connection.disconnect(tenantId, null)).toBe(false);
    await expect(connection.test(tenantId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('says unavailable while Temporal is down', async () => {
    const nobody = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1', connectTimeout: 200 }) });
    await expect(createConnectionWorkflows(nobody).disconnect(1, null)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(createCampaignSyncs(nobody).start(1)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('The Schedule of a tenant', () => {
  const schedules = () => createSchedules(bench.env.client, { taskQueue: bench.taskQueue });
  const describeOf = (tenantId: number) => bench.env.client.schedule.getHandle(`campaign-sync:${tenantId}`).describe();

  it('runs every four hours at the tenant’s own minute, skips overlaps, and may be made again', async () => {
    const tenantId = nextTenant++;
    await schedules().reconcile([tenantId, tenantId]);
    const { spec, policies, action } = await describeOf(tenantId);
    expect(spec.intervals).toEqual([{ every: 4 * 3_600_000, offset: syncOffsetMs(tenantId) }]);
    expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 3_600_000 });
    expect(action).toMatchObject({ workflowType: 'campaignSyncWorkflow' });
    const hourly = await bench.env.client.schedule.getHandle(`lead-reconciliation:${tenantId}`).describe();
    expect(hourly.spec.intervals).toMatchObject([{ every: 3_600_000 }]);
    expect(hourly.policies.overlap).toBe('SKIP');
    await schedules().stopLeadReconciliation(tenantId);
    await schedules().stopCampaignSync(tenantId);
    await schedules().stopCampaignSync(tenantId);
    await expect(describeOf(tenantId)).rejects.toThrow();
  });

  it('is made once for the installation’s own housekeeping, every night', async () => {
    await schedules().reconcile([]);
    await schedules().reconcile([]);
    const { spec, policies, action } = await bench.env.client.schedule.getHandle('retention').describe();
    expect(spec.intervals).toMatchObject([{ every: 24 * 3_600_000 }]);
    expect(policies.overlap).toBe('SKIP');
    expect(action).toMatchObject({ workflowType: 'retentionWorkflow', args: [{ afterTenantId: 0 }] });
  });

  it('starts a sync at once, one at a time, and knows that it runs', async () => {
    const tenantId = nextTenant++;
    const syncs = createCampaignSyncs(bench.env.client);
    await expect(syncs.isRunning(tenantId)).rejects.toMatchObject({ code: 'conflict' });
    let release: (plan: SyncPlan | null) => void = () => {};
    let plans = 0;
    const planSync: CampaignSyncActivities['planSync'] = () => {
      plans += 1;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    await bench.withActivities({ ...fakes, planSync }, async () => {
      await schedules().startCampaignSync(tenantId);
      await vi.waitFor(async () => expect(await syncs.isRunning(tenantId)).toBe(true), patience);
      await syncs.start(tenantId);
      await vi.waitFor(() => expect(plans).toBe(1), patience);
      release(null);
      await vi.waitFor(async () => expect(await syncs.isRunning(tenantId)).toBe(false), patience);
      expect(plans).toBe(1);
      await schedules().stopCampaignSync(tenantId);
    });
  });
});
