import { addDays } from '../domain/days.ts';
import { SETTLED_AFTER_DAYS } from '../domain/insights.ts';
import type { ExplainQuery, Words } from './explain-props.ts';
import type { Behind } from './explain-rows.ts';

/** By which rules a figure was made: model, view, days, as-of times and rates. */
export function rulesOf(
  { input, result, currency, outcomes, question }: Behind,
  query: ExplainQuery,
  { t, format }: Words,
) {
  const days = input.tenant.lookBackDays;
  const foreign = new Set([...outcomes.map((row) => row.currency), ...input.campaigns.map((row) => row.currency)]);
  const usesRates = question.reportIn !== undefined || outcomes.some((row) => row.currency !== currency);
  const rates = usesRates
    ? (input.rates ?? []).filter((rate) => foreign.has(rate.currency) || foreign.has(rate.base)).slice(-12)
    : [];
  const mine = result.accounts.filter((account) => account.currency === currency);
  return [
    { name: t('explain:rules.model'), lines: [t(`explain:rules.modelOf.${query.model}`, { days })] },
    { name: t('explain:rules.view'), lines: [t(`explain:rules.viewOf.${query.view}`)] },
    {
      name: t('explain:rules.days'),
      lines: mine.map(({ name, period, timeZone }) =>
        t('explain:rules.daysOf', {
          name,
          since: format.shortDay(period.since),
          until: format.shortDay(period.until),
          zone: timeZone,
        }),
      ),
    },
    {
      name: t('explain:rules.asOf'),
      lines: [
        ...mine.map(({ name, lastSyncedAt }) =>
          lastSyncedAt === null
            ? t('explain:rules.neverSynced', { name })
            : t('explain:rules.synced', { name, when: format.dateTime(lastSyncedAt) }),
        ),
        t('explain:rules.own'),
      ],
    },
    ...(rates.length === 0
      ? []
      : [
          {
            name: t('explain:rules.rates'),
            lines: rates.map((rate) =>
              t('explain:rules.rate', {
                ...rate,
                rate: format.number(shortened(rate.rate)),
                day: format.longDay(rate.day),
              }),
            ),
          },
        ]),
  ];
}

/** Without the zeros that only fill the column. */
const shortened = (rate: string): string => rate.replace(/\.?0+$/, '');

/** What is not in the figure, and what in it is not final. */
export function apartOf(
  { stray, outcomes, result, days, restatedDays, currency, question }: Behind,
  { t, format }: Words,
) {
  const lines: { text: string; more?: string }[] = [];
  if (question.account !== undefined) lines.push({ text: t('explain:apart.account') });
  const amounts = stray.slice(0, 10).map((row) => format.money(row.amountText, row.currency));
  if (stray.length > 0)
    lines.push({
      text: t('explain:apart.stray', { count: stray.length }),
      more: `${t('explain:apart.strayWhat')} ${amounts.join(' · ')}`,
    });
  const unconverted = outcomes.filter(({ converted }) => converted === null);
  if (unconverted.length > 0) {
    const sums = unconverted.slice(0, 10).map((row) => format.money(row.amountText, row.currency));
    lines.push({ text: t('explain:apart.unconverted', { count: unconverted.length }), more: sums.join(' · ') });
  }
  const restated = days.filter(({ day }) => restatedDays.has(day)).length;
  if (restated > 0) lines.push({ text: t('explain:apart.restated', { count: restated }) });
  if (days.length > 0 && currency !== '') {
    const open = addDays(result.period.until, 1 - SETTLED_AFTER_DAYS);
    const from = open > result.period.since ? open : result.period.since;
    lines.push({ text: t('explain:apart.unsettled', { day: format.longDay(from) }) });
  }
  return lines;
}
