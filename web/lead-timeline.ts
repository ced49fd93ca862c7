import type { LeadPages } from '../adapters/postgres/lead-pages.ts';
import type { ChangeRow } from '../adapters/postgres/system-events.ts';

type LeadWhole = Awaited<ReturnType<LeadPages['byId']>>;

export interface TimelineEntry {
  at: Date;
  /** Key under `leads:timeline`. */
  what: string;
  words: Record<string, string>;
  tone: 'ok' | 'warn' | 'bad' | 'info' | undefined;
}

/** One lead's story, newest first: from touches, messages, sales and the audit trail. */
export function timelineOf(
  whole: LeadWhole,
  changes: readonly ChangeRow[],
  team: readonly { id: string; name: string }[] = [],
): TimelineEntry[] {
  const touches = whole.touches.map((touch) =>
    entry(touch.at, touchWords(touch), { campaign: touch.campaign_name ?? '' }, 'info'),
  );
  const messages = whole.messages
    .filter((message) => message.direction === 'out' && message.template_name !== null)
    .map((message) =>
      entry(
        message.sent_at,
        'template',
        { template: message.template_name ?? '' },
        message.state === 'unconfirmed' ? 'warn' : undefined,
      ),
    );
  const firstReply = whole.messages.find((message) => message.direction === 'in');
  const replies = firstReply ? [entry(firstReply.sent_at, 'reply', {}, 'ok')] : [];
  const opportunities = whole.opportunities.map((opportunity) =>
    entry(opportunity.created_at, 'opportunity', { name: opportunity.name }, 'ok'),
  );
  const sales = whole.sales.map((sale) => entry(sale.sold_at, 'sale', {}, 'ok'));
  const statuses = changes
    .filter((change) => change.name === 'lead.status_changed')
    .map((change) => entry(change.created_at, 'status', { status: String(change.details['to'] ?? '') }, undefined));
  const unread = changes
    .filter((change) => change.name === 'lead.failed' || change.name === 'lead.waiting_for_connection')
    .map((change) => entry(change.created_at, 'unread', {}, 'warn'));
  const merges = changes
    .filter((change) => change.name === 'lead.merged' || change.name === 'lead.separated')
    .map((change) => entry(change.created_at, change.name.replace('lead.', ''), {}, undefined));
  const sellers = changes
    .filter((change) => change.name === 'lead.seller_changed')
    .map((change) => {
      const seller = team.find(({ id }) => id === change.details['to'])?.name;
      return entry(change.created_at, seller ? 'seller' : 'sellerNone', { seller: seller ?? '' }, undefined);
    });
  return [
    ...touches,
    ...messages,
    ...replies,
    ...opportunities,
    ...sales,
    ...statuses,
    ...unread,
    ...merges,
    ...sellers,
  ].sort((a, b) => b.at.getTime() - a.at.getTime());
}

function touchWords({ kind, campaign_name }: LeadWhole['touches'][number]): string {
  if (kind === 'manual') return 'touchManual';
  if (kind === 'import') return 'touchImport';
  if (kind === 'click_to_whatsapp') return campaign_name === null ? 'touchClick' : 'touchClickOf';
  return campaign_name === null ? 'touchOrganic' : 'touch';
}

const entry = (at: Date, what: string, words: Record<string, string>, tone: TimelineEntry['tone']): TimelineEntry => ({
  at,
  what,
  words,
  tone,
});
