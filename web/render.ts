import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Eta } from 'eta';
import type { Request, Response } from 'express';
import { AppError } from '../domain/error.ts';
import { assetPaths } from './assets.ts';
import { takeFlash } from './flash.ts';
import { createFormat, type Format } from './format.ts';
import { type Locale, localeOf, translate } from './i18n.ts';
import { maybeCallerOf } from './route.ts';

const views = join(import.meta.dirname, '../views');
const eta = new Eta({
  views,
  cache: true,
  autoFilter: true,
  filterFunction: (value: unknown) => (value ?? '') as string,
});

/** What stands around every page of a signed-in person. */
export interface Frame {
  tenantId: number;
  tenantName: string;
  currency: string;
  timeZone: string;
  userName: string;
  connectionStatus: string;
  unansweredLeads: number;
  unconfirmedMessages: number;
  parkedEvents: number;
  sendingPaused: boolean;
}

interface RequestView {
  csrf: string;
  frame: Frame | undefined;
}
const viewsOf = new WeakMap<Request, RequestView>();

/** Set by the access middleware for signed-in people. */
export const setRequestView = (req: Request, view: RequestView): void => void viewsOf.set(req, view);
export const csrfOf = (req: Request): string => viewsOf.get(req)?.csrf ?? '';

export function frameOf(req: Request): Frame {
  const frame = viewsOf.get(req)?.frame;
  if (!frame) throw new AppError('unauthorized', 'this page is for signed-in people');
  return frame;
}

export interface PageProps {
  title: string;
}

/** Answers with views/{view}.eta inside the layout: the app's for signed-in people, the bare one for everybody else. */
export function renderPage<P extends PageProps>(
  req: Request,
  res: Response,
  view: string,
  props: P,
  { status = 200 }: { status?: number } = {},
): void {
  res
    .status(status)
    .vary('Cookie')
    .vary('Accept-Language')
    .type('html')
    .send(html(req, view, { ...props, flash: takeFlash(req, res) }));
}

/** Answers with one partial, the same that the page includes. */
export function renderFragment<P extends object>(
  req: Request,
  res: Response,
  view: string,
  props: P,
  { status = 200 }: { status?: number } = {},
): void {
  res
    .status(status)
    .vary('HX-Request')
    .vary('HX-Request-Type')
    .type('html')
    .send(html(req, view, props));
}

/** Changes whenever words or markup do: what was rendered before is never shown by a newer program. */
export const viewsVersion: string = readdirSync(views, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(eta|json|css|svg)$/.test(name))
  .sort()
  .reduce((hash, name) => hash.update(name).update(readFileSync(join(views, name))), createHash('sha256'))
  .digest('base64url')
  .slice(0, 12);

/** A partial that is the same for everybody of a tenant with this language: no form, nobody's name. A page puts it in as it is. */
export const renderedPart = (view: string, locale: Locale, format: Format, props: object): string =>
  eta.render(`/${view}`, { ...props, t: translate(locale), format, locale, assets: assetPaths });

function html(req: Request, view: string, props: object): string {
  const locale = localeOf(req);
  const shared = viewsOf.get(req);
  const caller = maybeCallerOf(req);
  return eta.render(`/${view}`, {
    ...props,
    t: translate(locale),
    format: createFormat(locale, shared?.frame?.timeZone ?? 'UTC'),
    locale,
    csrf: shared?.csrf ?? '',
    frame: caller === undefined ? undefined : shared?.frame,
    assets: assetPaths,
    path: shownAt(req),
  });
}

/** The address of the page on screen. A form's own address shows none: then it is the page that held the form. */
function shownAt(req: Request): string {
  if (req.method === 'GET' || req.method === 'HEAD') return req.originalUrl;
  const referer = req.get('referer') ?? '';
  if (!URL.canParse(referer)) return '/crm/marketing';
  const { pathname, search } = new URL(referer);
  return pathname + search;
}
