import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ImportedSale, ImportOutcome, Sales } from '../adapters/postgres/sales.ts';
import type { Settings } from '../adapters/postgres/settings.ts';
import { parseAmount } from '../domain/amounts.ts';
import { dayIn } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { isSaleDay } from '../domain/sale.ts';
import { parseCurrency, parseDay } from '../domain/typed.ts';
import { type CsvLine, readCsv } from './csv-read.ts';
import { localeOf, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { frameOf, renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import { sha256 } from './secrets.ts';

export interface SalesImportDeps {
  sales: Pick<Sales, 'importSale' | 'voidSale'>;
  settings: Pick<Settings, 'forTenant'>;
  normalizePhone: (typed: string, country: string) => string | null;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
}

const PATH = '/crm/sales/imports';
/** A file's header, a sale and a refund. */
const EXAMPLE = [
  'reference,phone,email,amount,currency,sold_on',
  'A-1001,+54 9 11 5555 0101,,280000,ARS,2026-11-20',
  'A-1002,,lucia@example.com,-35000,ARS,2026-11-22',
];

/** Sales and refunds from a file, and taking a sale back. */
export const salesImportRoutes = (deps: SalesImportDeps): Route[] => [
  { method: 'get', path: PATH, access: 'person', handler: (req, res) => page(req, res) },
  {
    method: 'post',
    path: PATH,
    access: 'person',
    body: 'upload',
    accessName: 'import_sales',
    handler: (req, res) => importFile(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/sales/:id/voiding',
    access: 'person',
    body: 'form',
    handler: (req, res) => takeBack(req, res, deps),
  },
];

type LineError = 'person' | 'amount' | 'currency' | 'day' | 'nobody';
interface Result {
  counts: Record<ImportOutcome, number>;
  errors: { line: number; what: LineError }[];
}

function page(req: Request, res: Response, given: { problem?: string; result?: Result } = {}): void {
  const { problem = null, result = null } = given;
  renderPage(
    req,
    res,
    'sales-import/page',
    { title: translator(req)('sales-import:title'), section: 'leads', example: EXAMPLE, problem, result },
    { status: problem === null ? 200 : 422 },
  );
}

async function importFile(req: Request, res: Response, deps: SalesImportDeps): Promise<void> {
  const read = readCsv(fields(req)['csv'] ?? '', ['amount', 'sold_on']);
  if ('problem' in read) return page(req, res, { problem: translator(req)(`sales-import:problem.${read.problem}`) });
  const { tenantId } = callerOf(req);
  const result = await importLines(req, read.lines, deps);
  await deps.invalidateFigures(tenantId);
  deps.live.publish(tenantId, 'leads');
  page(req, res, { result });
}

/** Line by line: a good line counts though another is wrong, and a line that was imported before changes nothing. */
async function importLines(req: Request, lines: readonly CsvLine[], deps: SalesImportDeps): Promise<Result> {
  const { tenantId, actor } = callerOf(req);
  const { currency, timeZone } = frameOf(req);
  const { country } = await deps.settings.forTenant(tenantId);
  const given: Habits = {
    locale: localeOf(req),
    currency,
    today: dayIn(timeZone, new Date()),
    phoneOf: (typed) => deps.normalizePhone(typed, country),
  };
  const result: Result = { counts: { added: 0, known: 0, nobody: 0 }, errors: [] };
  const seen = new Map<string, number>();
  for (const { line, values } of lines) {
    const sale = saleIn(values, given, seen);
    if (typeof sale === 'string') {
      result.errors.push({ line, what: sale });
      continue;
    }
    const outcome = await deps.sales.importSale(tenantId, sale, actor);
    result.counts[outcome] += 1;
    if (outcome === 'nobody') result.errors.push({ line, what: 'nobody' });
  }
  return result;
}

interface Habits {
  locale: 'es' | 'en';
  currency: string;
  today: string;
  phoneOf: (typed: string) => string | null;
}

/** The sale of a line, or what is wrong with it. */
function saleIn(values: CsvLine['values'], habits: Habits, seen: Map<string, number>): ImportedSale | LineError {
  const currency = parseCurrency(values['currency'] || habits.currency);
  if (currency === null) return 'currency';
  const amount = parseAmount(values['amount'] ?? '', habits.locale, currency);
  if (amount === null || Number(amount) === 0) return 'amount';
  const soldOn = parseDay(values['sold_on'] ?? '');
  if (soldOn === null || !isSaleDay(soldOn, habits.today)) return 'day';
  const person = personIn(values, habits);
  if (person === undefined) return 'person';
  const reference = values['reference'] || ownReference([JSON.stringify(person), amount, currency, soldOn], seen);
  return { amount, currency, soldOn, person, reference: reference.slice(0, 200) };
}

function personIn(values: CsvLine['values'], { phoneOf }: Habits): ImportedSale['person'] | undefined {
  const { lead_id: leadId, phone, email } = values;
  if (leadId) return z.uuid().safeParse(leadId).success ? { leadId } : undefined;
  if (phone) {
    const number = phoneOf(phone);
    return number === null ? undefined : { phone: number };
  }
  if (email) return z.email().safeParse(email).success ? { email } : undefined;
  return null;
}

/** A line without a number of its own: the same file again finds the same one; the second of two equal lines is another sale. */
function ownReference(parts: readonly string[], seen: Map<string, number>): string {
  const key = parts.join('|');
  const nth = (seen.get(key) ?? 0) + 1;
  seen.set(key, nth);
  return `line:${sha256(`${key}|${nth}`).toString('hex').slice(0, 40)}`;
}

async function takeBack(
  req: Request,
  res: Response,
  { sales, invalidateFigures, live }: SalesImportDeps,
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const id = z.uuid().safeParse(req.params['id']);
  if (!id.success) throw new AppError('not_found', 'no such sale');
  const { leadId } = await sales.voidSale(tenantId, id.data, actor);
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
  res.redirect(303, leadId === null ? '/crm/marketing' : `/crm/leads/${leadId}#venta`);
}
