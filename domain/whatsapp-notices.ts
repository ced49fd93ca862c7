import { decimal } from './decimal.ts';

/** What YCloud must tell us of: statuses, answers, and what becomes of templates, numbers, accounts and consents. */
export const NOTICE_EVENTS = [
  'whatsapp.message.updated',
  'whatsapp.inbound_message.received',
  'whatsapp.smb.message.echoes',
  'whatsapp.template.reviewed',
  'whatsapp.template.category_updated',
  'whatsapp.template.quality_updated',
  'whatsapp.phone_number.quality_updated',
  'whatsapp.business_account.updated',
  'contact.unsubscribe.created',
  'contact.unsubscribe.deleted',
  'whatsapp.user.preferences',
] as const;

/** An endpoint as YCloud lists it. */
export interface NoticeEndpoint {
  id: string;
  url: string;
  status: string;
  enabledEvents: readonly string[];
}

/** `complete`: every notice comes to `url`; `partial`: the address is there, switched off or without some; `missing`: nobody was told of it. */
export function noticesTo(url: string, endpoints: readonly NoticeEndpoint[]): 'complete' | 'partial' | 'missing' {
  const ours = endpoints.filter((endpoint) => endpoint.url === url);
  if (ours.length === 0) return 'missing';
  const isWhole = ({ status, enabledEvents }: NoticeEndpoint) =>
    status === 'active' && NOTICE_EVENTS.every((event) => enabledEvents.includes(event));
  return ours.some(isWhole) ? 'complete' : 'partial';
}

/** Money in the account's currency, decimal text. Low: less than the last week cost, or than one unit. */
export function isLowBalance(balance: string, spentInAWeek: string): boolean {
  const [left, week, unit] = [decimal(balance), decimal(spentInAWeek), decimal('1')];
  return left < (week > unit ? week : unit);
}
