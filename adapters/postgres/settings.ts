import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { TenantSettings } from '../../domain/tenant-settings.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

const settingsRow = z.object({
  name: z.string(),
  country: z.string(),
  timeZone: z.string(),
  currency: z.string(),
  locale: z.enum(['es', 'en']),
  quietFrom: z.string().nullable(),
  quietUntil: z.string().nullable(),
  quietDays: z.array(z.number()),
  templateCap: z.number(),
  templateCapHours: z.number(),
  lookBackDays: z.number(),
  eventDays: z.number(),
  heedConsent: z.boolean(),
});
export type SettingsRow = z.output<typeof settingsRow>;

/** A tenant's own settings. */
export function createSettings({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    forTenant: (tenantId: number): Promise<SettingsRow> =>
      inTenant(tenantId, (tx) =>
        tx.one(sql.type(settingsRow)`
          SELECT name, country, time_zone AS "timeZone", currency, locale, to_char(quiet_from, 'HH24:MI') AS "quietFrom",
            to_char(quiet_until, 'HH24:MI') AS "quietUntil", quiet_days AS "quietDays", template_cap AS "templateCap",
            template_cap_hours AS "templateCapHours", look_back_days AS "lookBackDays", event_days AS "eventDays", heed_consent AS "heedConsent"
          FROM tenants WHERE id = ${tenantId}`),
      ),

    /** The audit row names the fields that changed. */
    save: (tenantId: number, given: TenantSettings, actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        const before = await tx.one(sql.type(z.record(z.string(), z.unknown()))`
          SELECT * FROM tenants WHERE id = ${tenantId} FOR UPDATE`);
        const after = await tx.one(sql.type(z.record(z.string(), z.unknown()))`
          UPDATE tenants SET name = ${given.name}, country = ${given.country}, time_zone = ${given.timeZone}, currency = ${given.currency},
            locale = ${given.locale}, quiet_from = ${given.quietFrom}::time, quiet_until = ${given.quietUntil}::time,
            quiet_days = ${sql.array([...given.quietDays], 'int2')}, template_cap = ${given.templateCap}, template_cap_hours = ${given.templateCapHours},
            look_back_days = ${given.lookBackDays}, event_days = ${given.eventDays}, heed_consent = ${given.heedConsent}, updated_at = now()
          WHERE id = ${tenantId} RETURNING *`);
        const fields = Object.keys(after).filter(
          (key) => key !== 'updated_at' && JSON.stringify(before[key]) !== JSON.stringify(after[key]),
        );
        if (fields.length > 0)
          await audited(tx, { tenantId, name: 'tenant.settings_changed', actor, details: { fields } });
      }),
  };
}
export type Settings = ReturnType<typeof createSettings>;
