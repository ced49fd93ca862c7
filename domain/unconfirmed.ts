/** Messages of which nobody knows whether they arrived: when a person may act, and what a person may find. */

/** Before that an answer may still be on its way. */
export const AGAIN_AFTER_MS = 15 * 60_000;
/** For so long YCloud tries to deliver its status webhooks. */
export const REPORTS_FOR_MS = 6 * 60 * 60_000;
/** A POST that could not follow its claim within this time never leaves: somebody may meanwhile have decided by its row. */
export const POST_WITHIN_MS = 30_000;

/** What a person found out by looking at the phone. */
export type Finding = 'arrived' | 'lost';

export const againFrom = (sendingAt: Date): Date => new Date(sendingAt.getTime() + AGAIN_AFTER_MS);
export const reportsUntil = (sendingAt: Date): Date => new Date(sendingAt.getTime() + REPORTS_FOR_MS);

/** What stands in the way of sending it again, if anything does. */
export function againRefusal(
  message: { state: string; resolution: string | null; sendingAt: Date },
  now: Date,
): 'settled' | 'too_early' | null {
  const isOpen = message.state === 'unconfirmed' && message.resolution === null;
  const isLost = message.state === 'failed' && message.resolution === 'lost';
  if (!isOpen && !isLost) return 'settled';
  return now < againFrom(message.sendingAt) ? 'too_early' : null;
}
