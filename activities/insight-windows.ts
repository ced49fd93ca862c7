import type { MetaClient } from '../adapters/meta/client.ts';
import type { SelectedAccount } from '../adapters/postgres/ad-accounts.ts';
import type { InsightReport, InsightReports, ReportKey, ReportLevel } from '../adapters/postgres/insight-reports.ts';
import { daysOf } from '../domain/days.ts';
import { AppError } from '../domain/error.ts';
import { halvesOf, REPORT_FROM_ROWS, reportStep } from '../domain/insight-reports.ts';
import type { Slice } from '../domain/insights.ts';
import type { ReportedDays } from '../domain/reported-days.ts';

export interface WindowDeps {
  meta: Pick<MetaClient, 'startReport' | 'reportStatus'>;
  insightReports: InsightReports;
  now: () => Date;
}

/** Pages of either level, whichever way Meta gives them. */
type Pages<T> = AsyncIterable<{ rows: readonly T[]; calls: number }>;

/** How one level's rows are read and kept. */
export interface LevelReader<T> {
  level: ReportLevel;
  /** Campaigns or ads of the account: times days, the most rows a window can have. */
  objects: number;
  pages: (days: Slice) => Pages<T>;
  reportPages: (reportRunId: string) => Pages<T>;
  save: (page: { rows: readonly T[]; calls: number }) => Promise<void>;
  /** Told before the first page of a window: what an attempt before it reported counts no more. */
  begin?: (days: Slice) => void;
  /** What the window's pages reported since; kept with it, because the slice may be finished by a later try. */
  reported?: () => ReportedDays;
}

/** Whose window. */
export interface WindowOf {
  tenantId: number;
  runId: string;
  account: SelectedAccount;
  token: string;
}

/**
 * Copies a window whole: page by page; when that is too much, or certainly would be, as a report job; when that fails too, in halves. A job that
 * still runs is not waited for: the activity ends with the delay until the next look, and the next try goes on with the same job.
 * @throws AppError `rate_limited` while a job runs; `too_much_data` when not even a day can be read
 */
export async function copyWindow<T>(
  deps: WindowDeps,
  of: WindowOf,
  reader: LevelReader<T>,
  days: Slice,
): Promise<number> {
  const key: ReportKey = { ...days, runId: of.runId, adAccountId: of.account.adAccountId, level: reader.level };
  const known = await deps.insightReports.maybe(of.tenantId, key);
  if (known?.state === 'done') return 0;
  if (known?.state === 'split') return copyHalves(deps, of, reader, days);
  if (known?.state === 'asked') return goOn(deps, of, reader, key, known);
  if (reader.objects * daysOf(days).length >= REPORT_FROM_ROWS) return ask(deps, of, reader, key);
  try {
    return await copyPages(deps, of, reader, key, reader.pages(days));
  } catch (error) {
    if (!isTooMuch(error)) throw error;
    return ask(deps, of, reader, key);
  }
}

/**
 * Saves a page while the next is on its way: Meta's answer and our database wait for each other at neither side, and two pages are the most in memory.
 * After the last the window is marked: a repeat does not read it again.
 */
async function copyPages<T>(
  { insightReports }: WindowDeps,
  { tenantId }: WindowOf,
  { save, begin, reported }: LevelReader<T>,
  key: ReportKey,
  pages: Pages<T>,
): Promise<number> {
  begin?.(key);
  const reading = pages[Symbol.asyncIterator]();
  let count = 0;
  let next = reading.next();
  for (;;) {
    const page = await next;
    if (page.done === true) break;
    next = reading.next();
    next.catch(() => {}); // its failure is met where it is awaited, and what came before it is kept
    await save(page.value);
    count += page.value.rows.length;
  }
  await insightReports.done(tenantId, key, reported?.());
  return count;
}

async function ask<T>(
  { meta, insightReports, ...deps }: WindowDeps,
  of: WindowOf,
  reader: LevelReader<T>,
  key: ReportKey,
) {
  const { adAccountId, level, since, until } = key;
  try {
    const reportRunId = await meta.startReport(of.token, adAccountId, level, { since, until });
    await insightReports.asked(of.tenantId, key, reportRunId);
  } catch (error) {
    if (!isTooMuch(error)) throw error;
    return split({ meta, insightReports, ...deps }, of, reader, key);
  }
  await reader.save({ rows: [], calls: 1 });
  throw stillRunning(key, 10_000);
}

async function goOn<T>(deps: WindowDeps, of: WindowOf, reader: LevelReader<T>, key: ReportKey, report: InsightReport) {
  const { meta, insightReports, now } = deps;
  const told = await meta.reportStatus(of.token, key.adAccountId, report.reportRunId ?? '');
  await reader.save({ rows: [], calls: 1 });
  const next = reportStep(report, told, now());
  switch (next.step) {
    case 'read':
      return copyPages(deps, of, reader, key, reader.reportPages(report.reportRunId ?? ''));
    case 'wait':
      await insightReports.polled(of.tenantId, key);
      throw stillRunning(key, next.ms);
    case 'again':
      return ask(deps, of, reader, key);
    case 'split':
      return split(deps, of, reader, key);
  }
}

async function split<T>(deps: WindowDeps, of: WindowOf, reader: LevelReader<T>, key: ReportKey): Promise<number> {
  if (halvesOf(key) === null)
    throw new AppError('too_much_data', 'not even one day can be read', { details: { level: key.level } });
  await deps.insightReports.split(of.tenantId, key);
  return copyHalves(deps, of, reader, key);
}

/** A repeat reads only the half that is not whole. */
async function copyHalves<T>(deps: WindowDeps, of: WindowOf, reader: LevelReader<T>, days: Slice): Promise<number> {
  let count = 0;
  for (const half of halvesOf(days) ?? []) count += await copyWindow(deps, of, reader, half);
  return count;
}

const isTooMuch = (error: unknown): boolean => error instanceof AppError && error.code === 'too_much_data';

const stillRunning = ({ level }: ReportKey, retryAfterMs: number): AppError =>
  new AppError('rate_limited', 'a report of Meta is still running', { retryAfterMs, details: { report: level } });
