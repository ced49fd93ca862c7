import type { Translate } from './i18n.ts';
import type { Frame } from './render.ts';

export interface AttentionItem {
  href: string;
  icon: string;
  tone: 'bad' | 'warn';
  text: string;
  why: string;
}

/** The frame counts no further. */
const MOST_COUNTED = 100;

/** What waits for somebody, the most urgent first; empty when nothing does. */
export function attentionOf(frame: Frame, t: Translate): AttentionItem[] {
  const item = (name: string, count: number, about: Pick<AttentionItem, 'href' | 'icon' | 'tone'>): AttentionItem[] => {
    if (count === 0) return [];
    const shown = count < MOST_COUNTED ? String(count) : `${MOST_COUNTED}+`;
    return [{ ...about, text: t(`hub:attention.${name}`, { count, shown }), why: t(`hub:attention.${name}Why`) }];
  };
  return [
    ...item('parked', frame.parkedEvents, { href: '/crm/inbox', icon: 'download', tone: 'bad' }),
    ...item('unanswered', frame.unansweredLeads, { href: '/crm/leads?status=new', icon: 'leads', tone: 'warn' }),
    ...item('unconfirmed', frame.unconfirmedMessages, { href: '/crm/unconfirmed', icon: 'unsure', tone: 'warn' }),
  ];
}
