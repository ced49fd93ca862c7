import type { ReminderFacts } from '../domain/connection.ts';
import { createFormat } from './format.ts';
import { type Locale, translate } from './i18n.ts';

/** That somebody came, in the seller's language; who has none gets Spanish. Who it is stands on the page only. */
export function newLeadMail(
  publicUrl: string,
  locale: Locale | null,
  { leadId, campaignName }: { leadId: string; campaignName: string | null },
) {
  const t = translate(locale ?? 'es');
  const words = { campaign: campaignName ?? t('leads:noCampaign'), url: `${publicUrl}/crm/leads/${leadId}` };
  return { subject: t('mail:new_lead.subject', words), text: t('mail:new_lead.text', words) };
}

/** That a colleague gave them a lead, in the seller's language; who has none gets Spanish. */
export function givenLeadMail(publicUrl: string, locale: Locale | null, { leadId }: { leadId: string }) {
  const t = translate(locale ?? 'es');
  return {
    subject: t('mail:given_lead.subject'),
    text: t('mail:given_lead.text', { url: `${publicUrl}/crm/leads/${leadId}` }),
  };
}

/** That a rule met a lead, in the reader's language; who has none gets Spanish. Who it is stands on the page only. */
export function ruleMail(
  publicUrl: string,
  locale: Locale | null,
  { leadId, ruleName }: { leadId: string; ruleName: string },
) {
  const t = translate(locale ?? 'es');
  const words = { rule: ruleName, url: `${publicUrl}/crm/leads/${leadId}` };
  return { subject: t('mail:rule_met.subject', words), text: t('mail:rule_met.text', words) };
}

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
