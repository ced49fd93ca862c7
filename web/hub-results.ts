import { createFormat } from './format.ts';
import { hubFigures } from './hub-props.ts';
import { type Locale, translate } from './i18n.ts';
import { renderedPart, viewsVersion } from './render.ts';
import { ALL, type StatsAnswer, type StatsQuery, type StatsService } from './stats.ts';

/** For whom the results are put into words. */
export interface Reader {
  locale: Locale;
  timeZone: string;
  /** The tenant's own. */
  currency: string;
}

/** The hub's results as the page holds them, markup included, from the cache of the figures: they change when the figures do. */
export const hubResults = (stats: StatsService, tenantId: number, query: StatsQuery, reader: Reader) =>
  stats.view(tenantId, query, `hub:${viewsVersion}:${reader.locale}:${query.currency ?? ''}`, (answer) =>
    resultsOf(answer, query, reader),
  );

function resultsOf(answer: StatsAnswer, query: StatsQuery, { locale, timeZone, currency: own }: Reader) {
  const words = { t: translate(locale), format: createFormat(locale, timeZone) };
  const { totals, period } = answer.now;
  const isAll = query.currency === ALL;
  const currency = isAll ? answer.reportingCurrency : (query.currency ?? mainCurrency(totals, own));
  const figures = hubFigures(answer, currency, words);
  const shown = { ...query, currency, choice: isAll ? ALL : currency };
  const part = (view: string, props: object) => renderedPart(view, locale, words.format, { ...props, query: shown });
  return {
    query: shown,
    currencies: answer.currencies,
    reportingCurrency: answer.reportingCurrency,
    period: { since: words.format.longDay(period.since), until: words.format.longDay(period.until) },
    rendered: figures && {
      figures: part('hub/_figures', { figures }),
      chart: part('hub/_chart', { charts: figures.charts }),
      campaigns: part('hub/_campaigns', { figures }),
    },
  };
}

function mainCurrency(totals: readonly { currency: string; spend: bigint }[], own: string): string {
  const spending = totals.filter((total) => total.spend > 0n).map((total) => total.currency);
  return spending.includes(own) ? own : (spending[0] ?? own);
}
