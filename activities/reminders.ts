import type { Mailer } from '../adapters/mail.ts';
import type { Metrics } from '../adapters/metrics.ts';
import type { Connections } from '../adapters/postgres/connections.ts';
import type { Users } from '../adapters/postgres/users.ts';
import { endDateOf, type ReminderFacts } from '../domain/connection.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface ReminderDeps {
  connections: Pick<Connections, 'byTenant' | 'noteReminder'>;
  users: Pick<Users, 'listForTenant'>;
  mailer: Mailer;
  /** Subject and text in a person's language (web/mails.ts). */
  compose: (locale: 'es' | 'en' | null, facts: ReminderFacts) => { subject: string; text: string };
  live: LiveUpdates;
  metrics: Pick<Metrics, 'tokenReminders'>;
}

interface OfReminder {
  tenantId: number;
  days: number;
}

export type ReminderActivities = ReturnType<typeof createReminderActivities>;

/** Telling a tenant's people that their connection ends and nothing but a new sign-in helps. */
export function createReminderActivities({ connections, users, mailer, compose, live, metrics }: ReminderDeps) {
  return {
    /** Keeps the reminder in the connection's history and counts it, once for each end. */
    async noteReminder({ tenantId, days }: OfReminder): Promise<void> {
      if (await connections.noteReminder(tenantId, days)) metrics.tokenReminders.inc({ days: String(days) });
      live.publish(tenantId, 'connection');
    },
    /**
     * Mails it to each of the tenant's people. One address that is refused does not keep it from the others.
     * @throws AppError `unavailable` when the mail server took none
     */
    async mailReminder({ tenantId, days }: OfReminder): Promise<{ mailed: number }> {
      const connection = await connections.byTenant(tenantId);
      const endsAt = endDateOf(connection);
      if (endsAt === null) return { mailed: 0 };
      const { businessName } = connection;
      const people = await users.listForTenant(tenantId);
      const sent = await Promise.allSettled(
        people.map(({ email, locale }) =>
          mailer.send({ to: email, ...compose(locale, { days, endsAt, businessName }) }),
        ),
      );
      const mailed = sent.filter((each) => each.status === 'fulfilled' && each.value).length;
      if (mailed === 0 && sent.some(({ status }) => status === 'rejected'))
        throw new AppError('unavailable', 'the mail server took no reminder');
      return { mailed };
    },
  };
}
