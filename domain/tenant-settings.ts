import { z } from 'zod';
import { isTimeZone } from './time-zones.ts';

const currencies = new Set(Intl.supportedValuesOf('currency'));
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const optionalTime = z.union([time, z.literal('').transform(() => null), z.null()]);

/** What a tenant decides for itself. */
const tenantSettings = z.object({
  name: z.string().trim().min(1).max(120),
  country: z.string().regex(/^[A-Z]{2}$/),
  timeZone: z.string().refine(isTimeZone),
  currency: z.string().refine((code) => currencies.has(code)),
  locale: z.enum(['es', 'en']),
  quietFrom: optionalTime,
  quietUntil: optionalTime,
  quietDays: z.array(whole(1, 7)).max(6),
  templateCap: whole(1, 100),
  templateCapHours: whole(1, 24 * 30),
  lookBackDays: whole(1, 365),
  eventDays: whole(7, 730),
  heedConsent: z.boolean(),
});
export type TenantSettings = z.output<typeof tenantSettings>;

/** The settings that were typed, or the names of all fields that are wrong, one half of the quiet hours without the other among them. */
export function readTenantSettings(given: Record<string, unknown>): { settings?: TenantSettings; wrong: Set<string> } {
  const parsed = tenantSettings.safeParse(given);
  const wrong = new Set((parsed.error?.issues ?? []).map(({ path }) => String(path[0])));
  if (Boolean(given['quietFrom']) !== Boolean(given['quietUntil'])) wrong.add('quietFrom');
  return parsed.success && wrong.size === 0 ? { settings: parsed.data, wrong } : { wrong };
}

export const allCurrencies: readonly string[] = [...currencies].sort();
