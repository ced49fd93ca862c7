import type { Request, Response } from 'express';
import type { LeadRetention } from '../adapters/postgres/lead-retention.ts';
import { AppError } from '../domain/error.ts';
import { RETENTION_MONTHS, readRetentionMonths } from '../domain/lead-retention.ts';
import { doneAt } from './flash.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadRetentionDeps {
  leadRetention: Pick<LeadRetention, 'months' | 'setMonths' | 'due'>;
}

const PATH = '/crm/settings/retention';

/** How long people are kept. A term is chosen by address, which asks whether it is meant and says of how many; the answer is the change. */
export const leadRetentionRoutes = (deps: LeadRetentionDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'get_retention',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => save(req, res, deps) },
];

async function show(req: Request, res: Response, { leadRetention }: LeadRetentionDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const months = await leadRetention.months(tenantId);
  const wanted = readRetentionMonths(req.query['months']);
  const props = {
    title: translator(req)('settings:retention.title'),
    section: 'settings',
    tab: 'retention',
    months,
    terms: RETENTION_MONTHS,
    wanted:
      wanted === undefined || wanted === months
        ? null
        : { months: wanted, people: wanted === null ? 0 : await leadRetention.due(tenantId, wanted) },
  };
  renderPage(req, res, 'settings/retention', props);
}

async function save(req: Request, res: Response, { leadRetention }: LeadRetentionDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const months = readRetentionMonths(fields(req)['months']);
  if (months === undefined) throw new AppError('invalid', 'no such term');
  await leadRetention.setMonths(tenantId, months, actor);
  doneAt(res, PATH, 'settingsSaved');
}
