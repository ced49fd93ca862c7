/** A tenant's hours of rest, `HH:MM` in its zone; `from` later than `until` spans midnight. */
export interface QuietHours {
  from: string;
  until: string;
  timeZone: string;
}

const MINUTES_A_DAY = 24 * 60;

/** When the quiet hours that hold `at` end, or null when `at` is not quiet. Local clock changes shift the end by the change. */
export function quietUntil({ from, until, timeZone }: QuietHours, at: Date): Date | null {
  const [start, end, now] = [minutesOf(from), minutesOf(until), localMinutes(timeZone, at)];
  if (start === end) return null;
  const isQuiet = start < end ? now >= start && now < end : now >= start || now < end;
  if (!isQuiet) return null;
  const left = (end - now + MINUTES_A_DAY) % MINUTES_A_DAY;
  const seconds = at.getTime() % 60_000;
  return new Date(at.getTime() - seconds + left * 60_000);
}

function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

function localMinutes(timeZone: string, at: Date): number {
  return minutesOf(
    new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at),
  );
}
