import { beforeAll, beforeEach } from 'vitest';
import { type ConnectionActivities, createConnectionActivities } from '../activities/connection.ts';
import { type ConnectionCheckActivities, createConnectionCheckActivities } from '../activities/connection-checks.ts';
import { dialogUrl } from '../adapters/meta/oauth.ts';
import type { ConnectionWorkflows } from '../adapters/temporal/connection.ts';
import { AppError } from '../domain/error.ts';
import { connectionRoutes } from '../web/connection.ts';
import { type TestApp, testApp } from './app.ts';
import { aTenant, type TestDatabase, testDatabase } from './database.ts';
import { META_APP, metaBench } from './meta-simulator.ts';
import { noSchedules } from './no-schedules.ts';
import { aPerson, type Person } from './person.ts';

export const bench = metaBench();
export let db: TestDatabase;
export let app: TestApp;
export let tenantId: number;
export let person: Person;
export let signals: string[];
export const WEBHOOK_URL = 'https://hub.example.com/crm/webhook/meta';
export const fullestLimit = { ratio: 0.2 };
/** What goes wrong next. */
export const trouble: { temporalIsDown: boolean; failNext: AppError | null } = {
  temporalIsDown: false,
  failNext: null,
};
let activities: ConnectionActivities;
let checks: ConnectionCheckActivities;

/** The real activities, run at once instead of through Temporal. */
export const workflows = {
  begin: async (tenant, attemptId) => {
    if (trouble.temporalIsDown) throw new AppError('unavailable', 'Temporal does not answer');
    await activities.beginAttempt({ tenantId: tenant, attemptId });
  },
  selectBusiness: (tenant, choice) => activities.listAssets({ tenantId: tenant, ...choice }),
  selectAssets: (tenant, choice) => activities.chooseAssets({ tenantId: tenant, ...choice }),
  confirm: async (tenant, attemptId) => {
    const failure = trouble.failNext;
    trouble.failNext = null;
    if (failure !== null) throw failure;
    await activities.confirmConnection({ tenantId: tenant, attemptId });
  },
  test: async (tenant) => {
    const { isValid, missingScopes } = await activities.testToken({ tenantId: tenant });
    return { isValid, missingScopes };
  },
  examine: async (tenant) => {
    await checks.examineConnection({ tenantId: tenant });
  },
  deliverOauthReturned: async (tenant, attemptId) => {
    await activities.exchangeCode({ tenantId: tenant, attemptId });
  },
  tokenRejected: async () => true,
  refreshNow: async () => signals.push('refreshNow') > 0,
  disconnect: async (tenant, userId) => {
    await activities.disconnectMeta({ tenantId: tenant, userId });
    return true;
  },
} satisfies ConnectionWorkflows;

beforeAll(async () => {
  db = await testDatabase();
  app = await testApp(db, ({ config, stores }) =>
    connectionRoutes({
      ...stores,
      config,
      attempts: stores.oauthAttempts,
      workflows,
      dialogUrl: (request) =>
        dialogUrl({ ...META_APP, version: 'v26.0', dialogUrl: bench.simulator.url }, { ...request }),
      nudge: () => void signals.push('nudge'),
    }),
  );
  const { stores } = app;
  checks = createConnectionCheckActivities({
    ...stores,
    meta: bench.meta,
    live: { publish: () => {}, subscribe: () => () => {} },
    appId: META_APP.appId,
    webhookUrl: WEBHOOK_URL,
    version: 'v26.0',
    fullestLimit: async () => fullestLimit.ratio,
  });
  activities = createConnectionActivities({
    ...stores,
    attempts: stores.oauthAttempts,
    meta: bench.meta,
    schedules: noSchedules,
    live: { publish: () => {}, subscribe: () => () => {} },
  });
});
beforeEach(async () => {
  signals = [];
  Object.assign(trouble, { temporalIsDown: false, failNext: null });
  tenantId = await aTenant(db);
  person = await aPerson(app, db, tenantId);
});

export const locationOf = (reply: Response) => reply.headers.get('location') ?? '';

/** Presses the button at Meta; gives the path that the browser is sent back to. */
export async function atMeta(
  dialog: string,
  answer: 'continue' | 'cancel' = 'continue',
  declined: string[] = [],
  user?: string,
): Promise<string> {
  const { searchParams, origin, pathname } = new URL(dialog);
  const form = new URLSearchParams(searchParams);
  form.set('action', answer);
  form.set('granted_shown', '1');
  if (user !== undefined) form.set('user', user);
  for (const scope of (searchParams.get('scope') ?? '').split(','))
    if (!declined.includes(scope)) form.append('granted', scope);
  form.set('auth_type', 'rerequest');
  const reply = await fetch(`${origin}${pathname}`, { method: 'POST', body: form, redirect: 'manual' });
  return `/crm/auth/meta/callback${new URL(locationOf(reply)).search}`;
}

/** From the button to the wizard's second step; gives the wizard's path. */
export async function signedIn(declined: string[] = [], user?: string): Promise<string> {
  const dialog = locationOf(await person.post('/crm/connection/attempts'));
  const wizard = locationOf(await person.get(await atMeta(dialog, 'continue', declined, user)));
  await workflows.deliverOauthReturned(tenantId, wizard.split('/').at(-1) ?? '');
  return wizard;
}

export const valuesOf = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`name="${name}" value="(\\d+)"(?: required)?( checked)?`, 'g'))]
    .filter((match) => match[2] !== undefined)
    .map((match) => match[1] ?? '');

export async function connect(): Promise<Response> {
  const wizard = await signedIn();
  const [business] = valuesOf(await (await person.get(wizard)).text(), 'business_id');
  await person.post(`${wizard}/business`, { business_id: business ?? '' });
  const assets = await (await person.get(wizard)).text();
  await person.post(`${wizard}/assets`, {
    ad_account_id: valuesOf(assets, 'ad_account_id'),
    page_id: valuesOf(assets, 'page_id').slice(0, 1),
  });
  return person.post(`${wizard}/confirmation`);
}
