/** How an outbound message's state moves. Pure: the reply of the POST and the status webhooks both go through `nextState`. */

export const messageStates = [
  'claimed',
  'sending',
  'accepted',
  'sent',
  'delivered',
  'read',
  'rejected',
  'failed',
  'unconfirmed',
  'cancelled',
] as const;
export type MessageState = (typeof messageStates)[number];

/** What a provider may report. */
export type ReportedState = 'accepted' | 'sent' | 'delivered' | 'read' | 'failed' | 'rejected';

const rank: Readonly<Record<MessageState, number>> = {
  claimed: 0,
  sending: 1,
  unconfirmed: 1,
  accepted: 2,
  sent: 3,
  rejected: 4,
  failed: 4,
  cancelled: 4,
  delivered: 5,
  read: 6,
};

/**
 * The state after a report: forward only, so that reports may come twice and in any order. `delivered` wins over `failed` whichever comes first
 * (several devices), and any report resolves `unconfirmed`.
 */
export const nextState = (now: MessageState, reported: ReportedState): MessageState =>
  rank[reported] > rank[now] ? reported : now;

/** Nothing more is expected, except that a late `delivered` may still come. */
export const isEnd = (state: MessageState): boolean => ['read', 'rejected', 'failed', 'cancelled'].includes(state);

/** The ranks, for the statement that applies a batch of reports. */
export const stateRank = rank;
