import type { Request, Response } from 'express';
import { z } from 'zod';
import type { AutomationLogs } from '../adapters/postgres/automation-logs.ts';
import { AppError } from '../domain/error.ts';
import { wantsJson } from './errors.ts';
import { translator } from './i18n.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';
import type { Searches } from './searches.ts';

export interface AutomationLogDeps {
  automationLogs: AutomationLogs;
  searches: Searches;
}

const PAGE = '/crm/marketing/automation-logs';
const A_PAGE = 50;
const query = z.object({
  status: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .optional(),
  rule: z.uuid().optional(),
  page: z.coerce.number().int().min(1).max(1000).default(1),
});

/** The log of every decision: a page, or bare JSON for programs. */
export const automationLogRoutes = (deps: AutomationLogDeps): Route[] => [
  {
    method: 'get',
    path: PAGE,
    access: 'tenant',
    accessName: 'get_automation_logs',
    limited: true,
    handler: (req, res) => show(req, res, deps),
  },
];

async function show(req: Request, res: Response, { automationLogs, searches }: AutomationLogDeps): Promise<void> {
  const given = Object.fromEntries(Object.entries(req.query).filter(([, value]) => value !== ''));
  const parsed = query.safeParse(given);
  if (!parsed.success) throw new AppError('invalid', 'bad search');
  const { status, rule: ruleId, page } = parsed.data;
  const q = searches.wordsOf(req);
  const { rows, counts } = await automationLogs.search(callerOf(req).tenantId, { q, status, ruleId, page });
  if (wantsJson(req)) return void res.json(rows);
  const address = (change: Record<string, string | undefined>) => {
    const all = { search: q && String(given['search']), status, rule: ruleId, ...change };
    return `${PAGE}?${new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => Boolean(pair[1])))}`;
  };
  const all = counts.reduce((sum, count) => sum + count.n, 0);
  const total = status === undefined ? all : (counts.find((count) => count.status === status)?.n ?? 0);
  renderPage(req, res, 'rules/logs', {
    title: translator(req)('logs:title'),
    section: 'rules',
    search: { q, status: status ?? '', rule: ruleId ?? '' },
    rows,
    ruleName: ruleId === undefined ? null : (rows.find(({ rule_id }) => rule_id === ruleId)?.rule_name ?? null),
    chips: [
      { status: '', count: all, href: address({ status: undefined }) },
      ...counts.map((count) => ({ status: count.status, count: count.n, href: address({ status: count.status }) })),
    ],
    previous: page > 1 ? address({ page: String(page - 1) }) : undefined,
    following: page * A_PAGE < total ? address({ page: String(page + 1) }) : undefined,
  });
}
