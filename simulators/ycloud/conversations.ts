const WINDOW_MS = 24 * 60 * 60_000;
const PAIR_MS = 6_000;

export type Conversations = ReturnType<typeof createConversations>;

/** Who wrote to whom, and when: the 24-hour windows, the bursts, and the people written to first. */
export function createConversations(now: () => number) {
  const lastInbound = new Map<string, number>();
  const bursts = new Map<string, number[]>();
  /** By account: the people written to outside a window. */
  const approached = new Map<string, Map<string, number>>();
  const marketing = new Map<string, number[]>();
  /** By person: the number that last wrote to them, and its message. */
  const lastOutbound = new Map<string, { from: string; wamid: string }>();
  const isWithin = (at: number | undefined, spanMs: number) => at !== undefined && at > now() - spanMs;

  return {
    isOpen: (number: string, person: string) => isWithin(lastInbound.get(`${number}|${person}`), WINDOW_MS),
    wrote: (person: string, number: string) => void lastInbound.set(`${number}|${person}`, now()),
    written: (from: string, person: string, wamid: string) => void lastOutbound.set(person, { from, wamid }),
    lastOutbound: (person: string) => lastOutbound.get(person),
    /** Counts a message into its pair's last six seconds, unless that would be more than `most`. */
    fitsPair(number: string, person: string, most: number): boolean {
      const key = `${number}|${person}`;
      const recent = (bursts.get(key) ?? []).filter((at) => isWithin(at, PAIR_MS));
      if (recent.length >= most) return false;
      bursts.set(key, [...recent, now()]);
      return true;
    },
    /** Counts a person whom an account writes to first, unless that is one more than `most` in 24 hours. */
    fitsPortfolio(accountId: string, person: string, most: number): boolean {
      const people = approached.get(accountId) ?? new Map<string, number>();
      approached.set(accountId, people);
      if (most > 0) for (const [other, at] of people) if (!isWithin(at, WINDOW_MS)) people.delete(other);
      if (most > 0 && !people.has(person) && people.size >= most) return false;
      people.set(person, now());
      return true;
    },
    /** Counts a marketing message to a person, unless that is one more than `most` in 24 hours; any business counts. */
    fitsMarketing(person: string, most: number): boolean {
      if (most === 0) return true;
      const recent = (marketing.get(person) ?? []).filter((at) => isWithin(at, WINDOW_MS));
      if (recent.length >= most) return false;
      marketing.set(person, [...recent, now()]);
      return true;
    },
    clear() {
      for (const map of [lastInbound, bursts, approached, marketing, lastOutbound]) map.clear();
    },
  };
}
