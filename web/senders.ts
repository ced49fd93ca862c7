import type { Request, Response } from 'express';
import type { Senders } from '../adapters/postgres/senders.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { isLowBalance } from '../domain/whatsapp-notices.ts';
import { doneAt } from './flash.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { sendTest, type TestForm, type TestMessageDeps, testBox } from './test-messages.ts';

/** A business number as YCloud lists it. */
interface Phone {
  wabaId: string;
  phoneNumber: string;
  status?: string | null | undefined;
  qualityRating?: string | null | undefined;
  messagingLimit?: string | null | undefined;
}

export interface SenderDeps extends TestMessageDeps {
  senders: Senders;
  /** The numbers of the tenant's YCloud key. Throws `misconfigured` without a key, `unauthorized`, `rate_limited`, `unavailable`. */
  phoneNumbers: (tenantId: number) => Promise<readonly Phone[]>;
  copyTemplates: (tenantId: number) => Promise<void>;
  notices: {
    urlOf(tenantId: number): string;
    stateOf(tenantId: number): Promise<string>;
    register(tenantId: number, actor: Actor): Promise<void>;
  };
}

const PATH = '/crm/settings/whatsapp';

/** The business number that messages leave from. */
export const senderRoutes = (deps: SenderDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_senders',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => choose(req, res, deps) },
  {
    method: 'post',
    path: `${PATH}/notices`,
    access: 'person',
    body: 'form',
    handler: (req, res) => register(req, res, deps),
  },
  {
    method: 'post',
    path: `${PATH}/tests`,
    access: 'person',
    body: 'form',
    handler: (req, res) => sendTest(req, res, deps, (form) => show(req, res, deps, { test: form })),
  },
];

/** What of a form is to be put right. */
interface Wrong {
  sender?: boolean;
  test?: TestForm;
}

async function show(req: Request, res: Response, deps: SenderDeps, wrong: Wrong = {}): Promise<void> {
  const { tenantId } = callerOf(req);
  const [known, offer, notices, balance, test] = await Promise.all([
    deps.senders.listForTenant(tenantId),
    offered(deps, tenantId),
    deps.notices.stateOf(tenantId),
    deps.senders.maybeBalance(tenantId),
    testBox(deps, tenantId, wrong.test),
  ]);
  const chosen = known.find((sender) => sender.is_default);
  const props = {
    title: translator(req)('settings:whatsapp.title'),
    section: 'settings',
    tab: 'whatsapp',
    chosen,
    notices: { state: notices, url: deps.notices.urlOf(tenantId) },
    balance: balance === null ? null : { ...balance, isLow: isLowBalance(balance.amount, balance.spentInAWeek) },
    isWrong: wrong.sender ?? false,
    test,
    problem: offer.problem,
    phones: offer.phones.map((phone) => ({ ...phone, isChosen: phone.phoneNumber === chosen?.phone })),
  };
  renderPage(req, res, 'settings/whatsapp', props, { status: wrong.sender || wrong.test ? 422 : 200 });
}

/** A key may serve several tenants: numbers that another one sends from are not offered. */
async function offered(
  { senders, phoneNumbers }: SenderDeps,
  tenantId: number,
): Promise<{ phones: readonly Phone[]; problem: string | null }> {
  try {
    const phones = await phoneNumbers(tenantId);
    const taken = await senders.takenByOthers(
      tenantId,
      phones.map(({ phoneNumber }) => phoneNumber),
    );
    return { phones: phones.filter(({ phoneNumber }) => !taken.has(phoneNumber)), problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const problem = { misconfigured: 'noKey', unauthorized: 'refused' }[error.code as string] ?? 'noAnswer';
    return { phones: [], problem };
  }
}

async function choose(req: Request, res: Response, deps: SenderDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const { phones } = await offered(deps, tenantId);
  const phone = phones.find(({ phoneNumber }) => phoneNumber === fields(req)['phone']);
  if (!phone) return show(req, res, deps, { sender: true });
  const { wabaId, phoneNumber, status, qualityRating } = phone;
  const sender = { wabaId, phone: phoneNumber, status: status ?? 'UNKNOWN', quality: qualityRating ?? null };
  await deps.senders.choose(tenantId, sender, actor);
  // Its templates follow by themselves when YCloud does not answer now.
  await deps.copyTemplates(tenantId).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  doneAt(res, PATH, 'senderChosen');
}

async function register(req: Request, res: Response, { notices }: SenderDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  await notices.register(tenantId, actor);
  res.redirect(303, PATH);
}
