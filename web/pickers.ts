import type { Translate } from './i18n.ts';
import { type AccountChoice, ALL, mainCurrency, type StatsAnswer, type StatsQuery } from './stats.ts';

/** What one can choose from, and what is shown before anybody does. */
export interface Choices {
  accounts: readonly AccountChoice[];
  reportingCurrency: string;
  mainCurrency: string;
}

export const choicesOf = ({ accounts, reportingCurrency, currency, now }: StatsAnswer): Choices => ({
  accounts,
  reportingCurrency,
  mainCurrency: mainCurrency(now.totals, currency),
});

/** The currency of the figures on a page: of one account its own, because nothing else was spent there, unless all is converted. */
export function shownCurrency({ account, currency }: StatsQuery, choices: Choices): string {
  if (currency === ALL) return choices.reportingCurrency;
  return accountIn(account, choices)?.currency ?? currency ?? choices.mainCurrency;
}

interface Option {
  value: string;
  label: string;
  isChosen: boolean;
}

/** The pickers of a page of figures; there is none of accounts where there is only one. */
export function pickersOf(
  query: StatsQuery,
  choices: Choices,
  t: Translate,
): { accounts: Option[]; currencies: Option[] } {
  const { accounts, reportingCurrency } = choices;
  const account = accountIn(query.account, choices);
  const shown = query.currency === ALL ? ALL : shownCurrency(query, choices);
  const own = [...new Set((account === undefined ? accounts : [account]).map(({ currency }) => currency))].sort();
  const currencies = own.length === 0 ? [shown] : own;
  const isConvertible =
    own.length > 1 || shown === ALL || (account !== undefined && account.currency !== reportingCurrency);
  const option = (value: string, label: string, chosen: string): Option => ({
    value,
    label,
    isChosen: value === chosen,
  });
  const all = t(account === undefined ? 'hub:allIn' : 'hub:account.converted', { currency: reportingCurrency });
  return {
    accounts:
      accounts.length < 2
        ? []
        : [
            option('', t('hub:account.all'), query.account ?? ''),
            ...accounts.map(({ id, name, currency }) => option(id, `${name} · ${currency}`, query.account ?? '')),
          ],
    currencies: [
      ...currencies.map((currency) => option(currency, currency, shown)),
      ...(isConvertible ? [option(ALL, all, shown)] : []),
    ],
  };
}

const accountIn = (account: string | undefined, { accounts }: Choices): AccountChoice | undefined =>
  accounts.find(({ id }) => id === account);
