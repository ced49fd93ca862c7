import type { ReminderFacts } from '../domain/connection.ts';
import { createFormat } from './format.ts';
import { type Locale, translate } from './i18n.ts';

/** The reminder that a connection ends, in the reader's language; who has none gets Spanish. Times are UTC, and say so. */
export function reminderMail(publicUrl: string, locale: Locale | null, { days, endsAt, businessName }: ReminderFacts) {
  const t = translate(locale ?? 'es');
  const words = {
    count: days,
    date: `${createFormat(locale ?? 'es', 'UTC').dateTime(endsAt)} UTC`,
    business: businessName ?? t('connection:ownAccounts'),
    url: `${publicUrl}/crm/connection`,
  };
  return { subject: t('mail:connection_ends.subject', words), text: t('mail:connection_ends.text', words) };
}
