import { DAY_MS, dayNumber, dayText } from './clock.ts';
import { badParameter, GraphError } from './errors.ts';
import { isObject, type Params, parseJson } from './http.ts';

/** A span of days, both ends included, as day numbers. */
export interface Span {
  readonly since: number;
  readonly until: number;
}

const HISTORY_MONTHS = 37;

/**
 * The buckets that a call's rows fall into: `time_ranges`, else `time_range`, else `date_preset` (default last_30d),
 * cut by `time_increment`. Throws 3018 before 37 months, 100 for anything that is no range.
 */
export function spansOf(params: Params, today: number): Span[] {
  const ranges = params['time_ranges'];
  if (ranges !== undefined && ranges !== '') {
    const list = parseJson(ranges);
    if (!Array.isArray(list)) {
      throw badParameter('Param time_ranges must be an array.');
    }
    return list.map((range) => checked(spanOf(range), today));
  }
  const single = params['time_range'];
  const span =
    single === undefined || single === ''
      ? preset(params['date_preset'] || 'last_30d', today)
      : checked(spanOf(parseJson(single)), today);
  return cut(span, params['time_increment'] ?? 'all_days');
}

function spanOf(value: unknown): Span {
  const { since, until } = isObject(value) ? value : {};
  const span = { since: dayNumber(String(since)), until: dayNumber(String(until)) };
  if (Number.isNaN(span.since) || Number.isNaN(span.until)) {
    throw badParameter("Param time_range must contain the keys since and until as 'YYYY-MM-DD'.");
  }
  return span;
}

function checked(span: Span, today: number): Span {
  if (span.since > span.until) {
    throw badParameter('time_range: the start date must not be after the end date.');
  }
  if (span.since < oldestDay(today)) {
    throw new GraphError(
      3018,
      '(#3018) The start date of the time range cannot be beyond 37 months from the current date',
    );
  }
  return span;
}

/** The first day that Meta still answers for. */
export function oldestDay(today: number): number {
  const date = new Date(today * DAY_MS);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - HISTORY_MONTHS, date.getUTCDate()) / DAY_MS;
}

function preset(name: string, today: number): Span {
  const days = /^last_(\d+)d$/.exec(name)?.[1];
  if (days !== undefined && ['3', '7', '14', '28', '30', '90'].includes(days)) {
    return { since: today - Number(days), until: today - 1 };
  }
  const date = new Date(today * DAY_MS);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  const quarter = month - (month % 3);
  const first = (atYear: number, atMonth: number) => Date.UTC(atYear, atMonth, 1) / DAY_MS;
  const monday = today - ((date.getUTCDay() + 6) % 7);
  const sunday = today - date.getUTCDay();
  const spans: Readonly<Record<string, Span>> = {
    today: { since: today, until: today },
    yesterday: { since: today - 1, until: today - 1 },
    this_month: { since: first(year, month), until: today },
    last_month: { since: first(year, month - 1), until: first(year, month) - 1 },
    this_quarter: { since: first(year, quarter), until: today },
    last_quarter: { since: first(year, quarter - 3), until: first(year, quarter) - 1 },
    this_year: { since: first(year, 0), until: today },
    last_year: { since: first(year - 1, 0), until: first(year, 0) - 1 },
    this_week_mon_today: { since: monday, until: today },
    this_week_sun_today: { since: sunday, until: today },
    last_week_mon_sun: { since: monday - 7, until: monday - 1 },
    last_week_sun_sat: { since: sunday - 7, until: sunday - 1 },
    maximum: { since: oldestDay(today), until: today },
    data_maximum: { since: oldestDay(today), until: today },
  };
  const span = spans[name];
  if (span === undefined) {
    throw badParameter(
      `Param date_preset must be one of {${['last_3d', 'last_7d', ...Object.keys(spans)].join(', ')}}`,
    );
  }
  return span;
}

function cut(span: Span, increment: string): Span[] {
  if (increment === 'all_days' || increment === '') {
    return [span];
  }
  if (increment === 'monthly') {
    return byMonth(span);
  }
  const days = Number(increment);
  if (!Number.isInteger(days) || days < 1 || days > 90) {
    throw badParameter('Param time_increment must be an integer between 1 and 90, or one of {monthly, all_days}');
  }
  const spans: Span[] = [];
  for (let since = span.since; since <= span.until; since += days) {
    spans.push({ since, until: Math.min(since + days - 1, span.until) });
  }
  return spans;
}

function byMonth(span: Span): Span[] {
  const spans: Span[] = [];
  let since = span.since;
  while (since <= span.until) {
    const [year, month] = dayText(since).split('-').map(Number);
    const until = Math.min(Date.UTC(year ?? 0, month ?? 1, 1) / DAY_MS - 1, span.until);
    spans.push({ since, until });
    since = until + 1;
  }
  return spans;
}
