import { unknownObject } from './errors.ts';
import type { Fault } from './faults.ts';
import type { Params } from './http.ts';

/** An asynchronous insights job. Times in seconds; it moves on with each time it is asked for. */
export interface Report {
  readonly kind: 'report';
  readonly id: string;
  readonly nodeId: string;
  readonly accountId: string;
  readonly params: Params;
  readonly createdAt: number;
  readonly fault: Fault | undefined;
  polls: number;
  completedAt: number | undefined;
}

/** The jobs, kept for the simulator's life. */
export interface Reports {
  create(input: Pick<Report, 'nodeId' | 'accountId' | 'params' | 'createdAt' | 'fault'>): Report;
  byId(id: string): Report | undefined;
  clear(): void;
}

/** No jobs at first. */
export function createReports(): Reports {
  const reports = new Map<string, Report>();
  let made = 0;
  return {
    create: (input) => {
      made += 1;
      const id = `6023${String(input.createdAt).slice(-7)}${String(made).padStart(5, '0')}`;
      const report: Report = { kind: 'report', id, polls: 0, completedAt: undefined, ...input };
      reports.set(id, report);
      return report;
    },
    byId: (id) => reports.get(id),
    clear: () => reports.clear(),
  };
}

/**
 * The job's state as one more poll sees it. With the fault `report_missing` the first polls give 100/33;
 * `report_failed_100` fails at 100 per cent; `report_slow` needs `value` polls.
 */
export function pollReport(report: Report, usualPolls: number, now: number): Record<string, unknown> {
  report.polls += 1;
  const { kind, value } = report.fault ?? {};
  const hidden = kind === 'report_missing' ? (value ?? 2) : 0;
  if (report.polls <= hidden) {
    throw unknownObject(report.id);
  }
  const needed = (kind === 'report_slow' ? (value ?? 10) : usualPolls) + hidden;
  const done = report.polls >= needed || now - report.createdAt >= LONGEST_SECONDS;
  if (done && report.completedAt === undefined) {
    report.completedAt = now;
  }
  const base = { id: report.id, account_id: report.accountId.replace('act_', ''), time_ref: report.createdAt };
  if (done && (kind === 'report_failed' || kind === 'report_failed_100')) {
    return { ...base, ...failure, async_percent_completion: kind === 'report_failed_100' ? 100 : 61 };
  }
  if (!done) {
    const first = report.polls === 1;
    const percent = first ? 0 : Math.floor((100 * report.polls) / (needed + 1));
    return { ...base, async_status: first ? 'Job Not Started' : 'Job Running', async_percent_completion: percent };
  }
  return { ...base, time_completed: report.completedAt, async_status: 'Job Completed', async_percent_completion: 100 };
}

/** However rarely it is asked for, a job is over after an hour. */
const LONGEST_SECONDS = 3600;

/** Since v25.0 a failed job says why. */
const failure = {
  async_status: 'Job Failed',
  error_code: 2,
  error_subcode: 1_504_044,
  error_message: 'An unknown error occurred while running the report.',
  error_user_title: 'Report failed',
  error_user_msg: 'Please try again later.',
};
