/** Meta's limits and how we keep off them (reference/meta.md 5). */

/** How much of one of Meta's limits is used. */
export interface ScopeUsage {
  /** The limit: `app`, `app:insights`, or `{object id}:{kind}`, e.g. `1002003004005:ads_insights`. */
  scope: string;
  /** 0 to 1 and more. */
  ratio: number;
  /** When Meta lets us in again, in milliseconds; 0 when it did not say. */
  regainMs: number;
}

/** Shared by all workers when Redis implements it; `createMemoryGate` serves one process. */
export interface UsageGate {
  /** How long calls of this scope must wait, in milliseconds; 0 = go. */
  waitMs(scope: string): Promise<number>;
  /** How long to pause before a call that may go: above 80 % calls come slower. */
  paceMs(scope: string): Promise<number>;
  /** Remembers what a reply said. Never throws. */
  record(usage: ScopeUsage): Promise<void>;
  /** Counts a call whose reply said nothing of this scope: more than 200 an hour close it. */
  countBlind(scope: string): Promise<void>;
  /** Meta refused a call of this scope: nobody calls it for `ms`. */
  close(scope: string, ms: number): Promise<void>;
}

/** What is known of a scope now: the "weather" a page shows. */
export interface ScopeReading {
  scope: string;
  /** Null when nothing was heard for ten minutes. */
  ratio: number | null;
  waitMs: number;
}

export const SLOW_RATIO = 0.8;
/** From this share on we stop before Meta does. */
export const STOP_RATIO = 0.95;
/** Meta named no time: the standard tier's block lasts a minute. */
export const UNNAMED_WAIT_MS = 60_000;
/** A reading older than this says nothing any more. */
export const READING_MS = 10 * 60_000;
export const BLIND_CALLS_AN_HOUR = 200;
export const HOUR_MS = 60 * 60_000;
const SLOWEST_MS = 2000;

/** The pause before a call at this share: none below 80 %, two seconds just before the stop. */
export function paceFor(ratio: number): number {
  if (ratio < SLOW_RATIO) return 0;
  return Math.round(SLOWEST_MS * Math.min(1, (ratio - SLOW_RATIO) / (STOP_RATIO - SLOW_RATIO)));
}

/** How long a reading closes its scope: at 95 % as long as Meta says. */
export const closesFor = ({ ratio, regainMs }: ScopeUsage): number =>
  ratio < STOP_RATIO ? 0 : regainMs > 0 ? regainMs : UNNAMED_WAIT_MS;

/** A gate for one process. */
export function createMemoryGate(now: () => number): UsageGate {
  const closedUntil = new Map<string, number>();
  const readings = new Map<string, { ratio: number; at: number }>();
  const blind = new Map<string, { since: number; calls: number }>();
  const close = async (scope: string, ms: number) => {
    closedUntil.set(scope, Math.max(closedUntil.get(scope) ?? 0, now() + ms));
  };
  return {
    async waitMs(scope) {
      const left = (closedUntil.get(scope) ?? 0) - now();
      if (left <= 0) closedUntil.delete(scope);
      return Math.max(0, left);
    },
    async paceMs(scope) {
      const reading = readings.get(scope);
      return reading === undefined || now() - reading.at > READING_MS ? 0 : paceFor(reading.ratio);
    },
    async record(usage) {
      readings.set(usage.scope, { ratio: usage.ratio, at: now() });
      const ms = closesFor(usage);
      if (ms > 0) await close(usage.scope, ms);
    },
    async countBlind(scope) {
      const known = blind.get(scope);
      const hour = known === undefined || now() - known.since >= HOUR_MS ? { since: now(), calls: 0 } : known;
      hour.calls += 1;
      blind.set(scope, hour);
      if (hour.calls >= BLIND_CALLS_AN_HOUR) await close(scope, hour.since + HOUR_MS - now());
    },
    close,
  };
}
