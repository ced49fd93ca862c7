import { randomUUID } from 'node:crypto';
import { sql } from 'slonik';
import { beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import {
  createLeadReconciliationActivities,
  type LeadReconciliationActivities,
} from '../activities/lead-reconciliation.ts';
import { createLeadActivities, type LeadActivities } from '../activities/leads.ts';
import { createVault } from '../adapters/crypto/fernet.ts';
import { normalizePhone } from '../adapters/phone.ts';
import { createStores, type Stores } from '../adapters/postgres/stores.ts';
import { system } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { type MetaBench, metaBench } from './meta-simulator.ts';

const leadRow = z.object({
  leadgen_id: z.string(),
  capture_state: z.string(),
  capture_error: z.string().nullable(),
  full_name: z.string().nullable(),
  phone: z.string().nullable(),
  email: z.string().nullable(),
  page_id: z.string().nullable(),
  form_id: z.string().nullable(),
  is_test: z.boolean(),
  is_organic: z.boolean(),
  is_recovered: z.boolean(),
  touches: z.number(),
});
export type LeadOfTest = z.output<typeof leadRow>;

export interface LeadBench {
  meta: MetaBench;
  db: TestDatabase;
  stores: Stores;
  /** A new one for each test, connected to `page`. */
  tenantId: number;
  page: { id: string };
  form: { id: string };
  leads: LeadActivities;
  reconciliation: LeadReconciliationActivities;
  published: string[];
  rejections: object[];
  /** What sellers were told. */
  mails: object[];
  mailIsDown: boolean;
  /** Leadgen ids whose intake was asked for. */
  intakes: string[];
  startedRuns: string[];
  /** A new tenant takes the place of `tenantId`. */
  connectTenant(): Promise<void>;
  /** A fresh token for the same tenant and page. */
  reconnect(): Promise<void>;
  /** A lead of `form` that no webhook tells of, unless `deliver` is set. */
  aLead(given?: object): Promise<string>;
  /** As its intake does; of `page`, unless another or none is named. */
  capture(leadgenId: string, pageId?: string | null): ReturnType<LeadActivities['captureLead']>;
  /** The tenant's leads with what matters of them, by leadgen id. */
  leadsOf(tenantId: number): Promise<readonly LeadOfTest[]>;
  dueLeads(): Promise<string[]>;
  /** As if the last attempt lay so many minutes back. */
  triedEarlier(leadgenId: string, minutes: number): Promise<void>;
}

/** A tenant connected to the Meta simulator over real HTTP and real PostgreSQL, with the activities of its leads. */
export function leadBench(): LeadBench {
  const meta = metaBench();
  const bench = { meta } as LeadBench;
  beforeAll(async () => {
    bench.db = await testDatabase();
    bench.stores = createStores(bench.db.database, createVault(['cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=']), {
      ycloudApiKey: undefined,
      ycloudWebhookSecret: undefined,
      onFallback: () => {},
    });
  });
  beforeEach(async () => {
    await meta.control('reset', { all: true });
    const { world } = meta.simulator;
    const form = world.forms.find(({ status }) => status === 'ACTIVE');
    if (form === undefined) throw new Error('no form');
    Object.assign(bench, { form: { id: form.id }, page: { id: form.pageId } });
    await bench.connectTenant();
    for (const name of ['published', 'rejections', 'intakes', 'startedRuns', 'mails'] as const) bench[name] = [];
    bench.mailIsDown = false;
    Object.assign(bench, activitiesOf(bench));
  });
  bench.connectTenant = async () => {
    bench.tenantId = await aTenant(bench.db);
    await bench.reconnect();
  };
  bench.reconnect = () => connect(bench);
  bench.aLead = async (given = {}) => {
    const body = { form_id: bench.form.id, deliver: false, ...given };
    const { leadgen_ids } = await meta.control<{ leadgen_ids: string[] }>('leads', body);
    return leadgen_ids[0] ?? '';
  };
  bench.capture = (leadgenId, pageId = bench.page.id) =>
    bench.leads.captureLead({ tenantId: bench.tenantId, leadgenId, pageId, receivedAt: Date.now() });
  bench.leadsOf = (tenantId) =>
    bench.db.database.inTenant(tenantId, (tx) =>
      tx.any(sql.type(leadRow)`
        SELECT meta_leadgen_id AS leadgen_id, capture_state, capture_error, full_name, phone, email, page_id, form_id, is_test, is_organic,
          recovered_at IS NOT NULL AS is_recovered, (SELECT count(*) FROM lead_touches t WHERE t.lead_id = l.id) AS touches
        FROM leads l ORDER BY meta_leadgen_id`),
    );
  bench.dueLeads = async () =>
    (await bench.stores.inbox.dueWork())
      .filter(({ work, tenant_id }) => work === 'waiting_lead' && tenant_id === bench.tenantId)
      .map(({ object_id }) => object_id);
  bench.triedEarlier = async (leadgenId, minutes) => {
    await bench.db.database.inTenant(bench.tenantId, async (tx) => {
      await tx.query(sql.unsafe`UPDATE connections SET connected_at = now() - interval '1 day'`);
      await tx.query(sql.unsafe`
        UPDATE leads SET capture_tried_at = now() - ${minutes} * interval '1 minute' WHERE meta_leadgen_id = ${leadgenId}`);
    });
  };
  return bench;
}

function activitiesOf(bench: LeadBench): Pick<LeadBench, 'leads' | 'reconciliation'> {
  const deps = {
    ...bench.stores,
    meta: bench.meta.freshClient(),
    tokenRejected: async (tenantId: number, rejection: object) => bench.rejections.push({ tenantId, ...rejection }),
    normalizePhone,
    invalidateFigures: async () => {},
    tellSeller: async ({ email }: { email: string }, news: object) => {
      bench.mails.push({ to: email, ...news });
      if (bench.mailIsDown) throw new AppError('unavailable', 'no mail server');
    },
    live: {
      publish: (tenantId: number, topic: string) => void bench.published.push(`${tenantId}:${topic}`),
      subscribe: () => () => {},
    },
    metrics: bench.meta.metrics,
  };
  return {
    leads: createLeadActivities({
      ...deps,
      runs: bench.stores.automationRuns,
      automationWorkflowId: ({ ruleId, leadId }) => `automation:${ruleId}:${leadId}`,
      startAutomation: async ({ runId }) => void bench.startedRuns.push(runId),
    }),
    reconciliation: createLeadReconciliationActivities({
      ...deps,
      startIntake: async ({ leadgenId }) => void bench.intakes.push(leadgenId),
    }),
  };
}

async function connect({ db, stores, meta, tenantId, page }: LeadBench): Promise<void> {
  const id = randomUUID();
  const { access_token: accessToken } = await meta.control<{ access_token: string }>('tokens', {});
  const { access_token: pageToken } = await meta.control<{ access_token: string }>('tokens', { page_id: page.id });
  const ends = { expiresAt: new Date(Date.now() + 5_000_000_000), dataAccessExpiresAt: null };
  await stores.oauthAttempts.start(
    tenantId,
    { id, userId: null, stateHash: Buffer.from(id), codeVerifier: null, expiresAt: new Date(Date.now() + 600_000) },
    system('test'),
  );
  await stores.connections.confirm(tenantId, {
    attempt: await stores.oauthAttempts.byId(tenantId, id),
    token: { accessToken, ...ends, metaUserId: null },
    business: { id: null, name: null },
    accounts: [],
    pages: [{ pageId: page.id, name: 'Aurora', tasks: ['ADVERTISE'], accessToken: pageToken }],
  });
  // Rows of one test come in the same millisecond; leads of it are submitted after the page was connected.
  await db.database.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE pages SET subscribed_at = now() - interval '1 hour' WHERE tenant_id = ${tenantId}`),
  );
}
