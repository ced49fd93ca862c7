import type { Request, Response } from 'express';
import { z } from 'zod';
import type { UnconfirmedMessage, UnconfirmedMessages } from '../adapters/postgres/unconfirmed-messages.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { againFrom, reportsUntil } from '../domain/unconfirmed.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderFragment, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface UnconfirmedDeps {
  unconfirmedMessages: UnconfirmedMessages;
  /** Throws `unavailable` while Temporal is down; the dispatcher starts it later. */
  startMessage: (message: { tenantId: number; messageId: string }) => Promise<void>;
  live: LiveUpdates;
  now?: () => Date;
}

const PAGE = '/crm/unconfirmed';

/** Messages of which nobody knows whether they arrived: the evidence, and what a person may do about each. */
export const unconfirmedRoutes = (deps: UnconfirmedDeps): Route[] => [
  {
    method: 'get',
    path: PAGE,
    access: 'person',
    accessName: 'list_unconfirmed',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'get', path: `${PAGE}/list`, access: 'person', handler: (req, res) => list(req, res, deps) },
  {
    method: 'post',
    path: `${PAGE}/:id/resolution`,
    access: 'person',
    body: 'form',
    handler: (req, res) => resolve(req, res, deps),
  },
  { method: 'get', path: `${PAGE}/:id/again`, access: 'person', handler: (req, res) => ask(req, res, deps) },
  {
    method: 'post',
    path: `${PAGE}/:id/attempts`,
    access: 'person',
    body: 'form',
    handler: (req, res) => sendAgain(req, res, deps),
  },
];

async function show(req: Request, res: Response, deps: UnconfirmedDeps, notice: string | null = null): Promise<void> {
  const t = translator(req);
  const props = {
    title: t('unconfirmed:title'),
    section: 'unconfirmed',
    notice: notice === null ? null : t(`unconfirmed:notice.${notice}`),
    ...(await propsOf(req, deps)),
  };
  renderPage(req, res, 'unconfirmed/page', props, { status: notice === null ? 200 : 409 });
}

async function list(req: Request, res: Response, deps: UnconfirmedDeps): Promise<void> {
  renderFragment(req, res, 'unconfirmed/_list', await propsOf(req, deps));
}

async function propsOf(req: Request, { unconfirmedMessages, now = () => new Date() }: UnconfirmedDeps) {
  const { tenantId } = callerOf(req);
  const [open, settled] = [await unconfirmedMessages.open(tenantId), await unconfirmedMessages.settled(tenantId)];
  return { rows: open.map((row) => shown(row, now())), settled };
}

/** A message with its evidence: what cut it off, when it may be sent again and until when a report may still come. */
function shown(row: UnconfirmedMessage, now: Date) {
  const [from, until] = [againFrom(row.sent_at), reportsUntil(row.sent_at)];
  return {
    ...row,
    ...reasonOf(row.why ?? ''),
    againFrom: now < from ? from : null,
    reportsUntil: now < until ? until : null,
  };
}

/** The stored code as a key under `unconfirmed:why`. */
function reasonOf(code: string): { why: string; httpStatus: string } {
  const httpStatus = /^HTTP (\d+)$/.exec(code)?.[1] ?? '';
  if (httpStatus !== '') return { why: 'status', httpStatus };
  const why = code.startsWith('unreadable') ? 'unreadable' : code;
  return { why: ['unreadable', 'no_answer', 'found_sending', 'found_late'].includes(why) ? why : 'cut', httpStatus };
}

async function resolve(req: Request, res: Response, deps: UnconfirmedDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const finding = z.enum(['arrived', 'lost']).safeParse(fields(req)['finding']);
  if (!finding.success) throw new AppError('invalid', 'no such finding');
  const refusal = await refusalOf(deps.unconfirmedMessages.resolve(tenantId, messageIdOf(req), finding.data, actor));
  if (refusal !== null) return show(req, res, deps, refusal);
  deps.live.publish(tenantId, 'messages');
  res.redirect(303, PAGE);
}

async function ask(req: Request, res: Response, deps: UnconfirmedDeps, isUnsure = false): Promise<void> {
  const { now = () => new Date() } = deps;
  const row = await deps.unconfirmedMessages.openById(callerOf(req).tenantId, messageIdOf(req));
  const props = {
    title: translator(req)('unconfirmed:again.title'),
    section: 'unconfirmed',
    row: shown(row, now()),
    isUnsure,
  };
  renderPage(req, res, 'unconfirmed/again', props, { status: isUnsure ? 422 : 200 });
}

async function sendAgain(req: Request, res: Response, deps: UnconfirmedDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  if (fields(req)['sure'] !== 'yes') return ask(req, res, deps, true);
  const now = deps.now ?? (() => new Date());
  let attempt: { messageId: string } | null = null;
  const sending = deps.unconfirmedMessages.sendAgain(tenantId, messageIdOf(req), actor, now()).then((made) => {
    attempt = made;
  });
  const refusal = await refusalOf(sending);
  if (refusal !== null || attempt === null) return show(req, res, deps, refusal ?? 'settled');
  await startQuietly(deps, tenantId, attempt);
  deps.live.publish(tenantId, 'messages');
  res.redirect(303, PAGE);
}

/** The row is there: what cannot be started now is started by the dispatcher. */
async function startQuietly(
  { startMessage }: Pick<UnconfirmedDeps, 'startMessage'>,
  tenantId: number,
  { messageId }: { messageId: string },
): Promise<void> {
  await startMessage({ tenantId, messageId }).catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error;
  });
}

/** Somebody, or a report, was quicker: a notice on the page, which shows what is true now. */
async function refusalOf(move: Promise<void>): Promise<'settled' | 'too_early' | null> {
  try {
    await move;
    return null;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    return error.details['why'] === 'too_early' ? 'too_early' : 'settled';
  }
}

function messageIdOf(req: Request): string {
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such message');
  return id.data;
}
