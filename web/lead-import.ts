import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadEntries } from '../adapters/postgres/lead-entries.ts';
import { AppError } from '../domain/error.ts';
import { targetsOf, unknownForm } from '../domain/form-mapping.ts';
import { MOST_LINES, type ReadFile, readLines } from '../domain/lead-import.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { type CsvProblem, readCells } from './csv-read.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadImportDeps {
  leadEntries: Pick<LeadEntries, 'country' | 'known' | 'importAll' | 'importById'>;
  normalizePhone: (typed: string, country: string) => string | null;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
}

const ERRORS_SHOWN = 200;

/** Leads out of a spreadsheet: looked at first, then added whole. Nobody is messaged. */
export const leadImportRoutes = (deps: LeadImportDeps): Route[] => [
  { method: 'get', path: '/crm/leads/import', access: 'person', handler: (req, res) => ask(req, res) },
  {
    method: 'post',
    path: '/crm/leads/import/check',
    access: 'person',
    body: 'upload',
    handler: (req, res) => check(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/imports',
    access: 'person',
    body: 'upload',
    handler: (req, res) => importFile(req, res, deps),
  },
  {
    method: 'get',
    path: '/crm/leads/imports/:importId',
    access: 'person',
    accessName: 'get_lead_import',
    handler: (req, res) => showDone(req, res, deps),
  },
];

interface Checked extends ReadFile {
  header: string[];
  csv: string;
}

function ask(req: Request, res: Response, problem?: CsvProblem, csv = ''): void {
  const props = { title: translator(req)('leads:import.title'), section: 'leads', most: MOST_LINES, problem, csv };
  renderPage(req, res, 'leads/import', props, { status: problem === undefined ? 200 : 422 });
}

/** The file in the form, or the text that was pasted, as leads and errors. */
async function read(req: Request, { leadEntries, normalizePhone }: LeadImportDeps): Promise<Checked | CsvProblem> {
  const { file, csv = '' } = fields(req);
  const text = file ?? csv;
  const cells = readCells(text, MOST_LINES);
  if ('problem' in cells) return cells.problem;
  const country = await leadEntries.country(callerOf(req).tenantId);
  const found = readLines(cells.header, cells.rows, targetsOf(unknownForm), (typed) => normalizePhone(typed, country));
  return { ...found, header: cells.header, csv: text };
}

async function check(req: Request, res: Response, deps: LeadImportDeps): Promise<void> {
  const found = await read(req, deps);
  if (typeof found === 'string') return ask(req, res, found, fields(req)['csv']);
  const known = await deps.leadEntries.known(callerOf(req).tenantId, found.lines);
  const targetOf = targetsOf(unknownForm);
  renderPage(req, res, 'leads/import-check', {
    title: translator(req)('leads:import.title'),
    section: 'leads',
    columns: found.header.map((name) => ({ name, target: targetOf(name) })),
    fresh: known.filter((id) => id === null).length,
    known: known.filter((id) => id !== null).length,
    errors: found.errors.slice(0, ERRORS_SHOWN),
    wrong: found.errors.length,
    sample: found.lines.filter((_, i) => known[i] === null).slice(0, 5),
    csv: found.csv,
  });
}

async function importFile(req: Request, res: Response, deps: LeadImportDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const found = await read(req, deps);
  if (typeof found === 'string') return ask(req, res, found, fields(req)['csv']);
  const { id, added } = await deps.leadEntries.importAll(tenantId, found, actor);
  if (added > 0) {
    await deps.invalidateFigures(tenantId);
    deps.live.publish(tenantId, 'leads');
  }
  res.redirect(303, `/crm/leads/imports/${id}`);
}

async function showDone(req: Request, res: Response, { leadEntries }: LeadImportDeps): Promise<void> {
  const importId = z.uuid().safeParse(req.params['importId']);
  if (!importId.success) throw new AppError('not_found', 'no such import');
  const { errors, ...done } = await leadEntries.importById(callerOf(req).tenantId, importId.data);
  renderPage(req, res, 'leads/import-done', {
    title: translator(req)('leads:import.title'),
    section: 'leads',
    done,
    errors: errors.slice(0, ERRORS_SHOWN),
    wrong: errors.length,
  });
}
