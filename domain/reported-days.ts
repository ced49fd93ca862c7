/** Which days of a window Meta reported of which campaign: a bit a day, so that an account of thousands takes little. */
export interface ReportedDays {
  add(campaignId: string, day: string): void;
  /** Campaign and bits; the lowest bit is the window's first day. */
  entries(): [string, number][];
}

/** Of a window that begins on `since`, of 31 days at most. */
export function createReportedDays(since: string): ReportedDays {
  const dayOf = (day: string) => Math.round((Date.parse(day) - Date.parse(since)) / 86_400_000);
  const bits = new Map<string, number>();
  return {
    add: (campaignId, day) => bits.set(campaignId, (bits.get(campaignId) ?? 0) | (1 << dayOf(day))),
    entries: () => [...bits],
  };
}
