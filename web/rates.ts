import type { Request, Response } from 'express';
import type { ExchangeRates } from '../adapters/postgres/exchange-rates.ts';
import type { Rate } from '../domain/rates.ts';
import { parseCurrency, parseDay, parseRate } from '../domain/typed.ts';
import { readCsv } from './csv-read.ts';
import { localeOf, type Translate, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface RateDeps {
  exchangeRates: ExchangeRates;
  /** Every figure in another currency changes with a rate. */
  invalidateFigures: (tenantId: number) => Promise<void>;
}

const PATH = '/crm/marketing/rates';
/** A file's header and a line of it. */
const EXAMPLE = ['currency,base,day,rate', 'USD,ARS,2026-11-24,1450.25'];

/** Exchange rates by day, typed or from a file, and the currency in which all accounts are read together. */
export const rateRoutes = (deps: RateDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'list_rates',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => enter(req, res, deps) },
  {
    method: 'post',
    path: `${PATH}/imports`,
    access: 'person',
    body: 'upload',
    handler: (req, res) => importFile(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/marketing/reporting-currency',
    access: 'person',
    body: 'form',
    handler: (req, res) => choose(req, res, deps),
  },
];

interface Shown {
  values?: Record<string, string>;
  errors?: Record<string, string>;
  lineErrors?: readonly { line: number; what: string }[];
  fileProblem?: string;
  saved?: number;
}

async function show(
  req: Request,
  res: Response,
  { exchangeRates }: RateDeps,
  { values, errors = {}, lineErrors = [], fileProblem, saved }: Shown = {},
): Promise<void> {
  const { tenantId } = callerOf(req);
  const currencies = await exchangeRates.currencies(tenantId);
  const rates = await exchangeRates.list(tenantId);
  const given = fields({ body: req.query } as Request);
  const failed = Object.keys(errors).length + lineErrors.length > 0 || fileProblem !== undefined;
  renderPage(
    req,
    res,
    'rates/page',
    {
      title: translator(req)('rates:title'),
      section: 'hub',
      rates: rates.map((rate) => ({ ...rate, shown: rate.rate.replace(/\.?0+$/, '') })),
      currencies,
      example: EXAMPLE,
      values: values ?? {
        currency: given['currency'] ?? '',
        base: currencies.reporting,
        day: given['day'] ?? '',
        rate: '',
      },
      errors,
      lineErrors: lineErrors.slice(0, 100),
      moreLineErrors: Math.max(0, lineErrors.length - 100),
      fileProblem,
      saved: saved ?? (Number(given['saved']) || 0),
    },
    { status: failed ? 422 : 200 },
  );
}

async function enter(req: Request, res: Response, deps: RateDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const { rate, errors } = rateOf(values, req);
  if (rate === null) return show(req, res, deps, { values, errors });
  await deps.exchangeRates.save(tenantId, [rate], 'manual', actor);
  await deps.invalidateFigures(tenantId);
  res.redirect(303, `${PATH}?saved=1`);
}

/** A file is taken whole or not at all: half a table of rates would show half of the truth. */
async function importFile(req: Request, res: Response, deps: RateDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const t = translator(req);
  const read = readCsv(fields(req)['csv'] ?? '', ['currency', 'base', 'day', 'rate']);
  if ('problem' in read) return show(req, res, deps, { fileProblem: t(`rates:file.${read.problem}`) });
  const parsed = read.lines.map(({ line, values }) => ({ line, ...rateOf(values, req) }));
  const lineErrors = parsed.flatMap(({ line, errors }) =>
    Object.values(errors)
      .slice(0, 1)
      .map((what) => ({ line, what })),
  );
  if (lineErrors.length > 0) return show(req, res, deps, { lineErrors });
  const rates = parsed.flatMap(({ rate }) => rate ?? []);
  await deps.exchangeRates.save(tenantId, rates, 'csv', actor);
  await deps.invalidateFigures(tenantId);
  res.redirect(303, `${PATH}?saved=${rates.length}`);
}

async function choose(req: Request, res: Response, deps: RateDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const currency = parseCurrency(fields(req)['reporting'] ?? '');
  const t = translator(req);
  if (currency === null) return show(req, res, deps, { errors: { reporting: t('rates:errors.currency') } });
  await deps.exchangeRates.report(tenantId, currency, actor);
  await deps.invalidateFigures(tenantId);
  res.redirect(303, PATH);
}

function rateOf(
  values: Readonly<Record<string, string>>,
  req: Request,
): { rate: Rate | null; errors: Record<string, string> } {
  const t: Translate = translator(req);
  const [currency, base] = [parseCurrency(values['currency'] ?? ''), parseCurrency(values['base'] ?? '')];
  const [day, rate] = [parseDay(values['day'] ?? ''), parseRate(values['rate'] ?? '', localeOf(req))];
  const errors = {
    ...(currency === null ? { currency: t('rates:errors.currency') } : {}),
    ...(base === null || base === currency ? { base: t('rates:errors.base') } : {}),
    ...(day === null ? { day: t('rates:errors.day') } : {}),
    ...(rate === null ? { rate: t('rates:errors.rate') } : {}),
  };
  if (currency === null || base === null || day === null || rate === null || base === currency)
    return { rate: null, errors };
  return { rate: { currency, base, day, rate }, errors };
}
