import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

/** The metrics of one program. Labels are bounded: routes, outcomes, states; never an id, except the tenant gauges of the server. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    metaCalls: new Counter({
      name: 'hub_meta_calls_total',
      help: 'Graph calls',
      labelNames: ['endpoint', 'outcome'],
      registers,
    }),
    metaUsage: new Gauge({
      name: 'hub_meta_usage_ratio',
      help: 'Share of a Meta limit used, 0 to 1',
      labelNames: ['scope', 'type'],
      registers,
    }),
    metaVersionDiffers: new Gauge({
      name: 'hub_meta_version_differs',
      help: '1 while Graph serves another version than the configured one',
      registers,
    }),
    syncDuration: new Histogram({
      name: 'hub_sync_duration_seconds',
      help: 'One campaign sync',
      buckets: [1, 5, 15, 60, 300, 900, 3600],
      registers,
    }),
    syncRows: new Counter({ name: 'hub_sync_rows_total', help: 'Insight rows written', registers }),
    syncAge: new Gauge({
      name: 'hub_sync_age_seconds',
      help: 'Since the oldest account was synced',
      labelNames: ['tenant'],
      registers,
    }),
    leads: new Counter({ name: 'hub_leads_total', help: 'Leads captured', labelNames: ['source'], registers }),
    leadLatency: new Histogram({
      name: 'hub_lead_latency_seconds',
      help: 'From webhook received to lead captured',
      buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 600, 3600],
      registers,
    }),
    messages: new Counter({
      name: 'hub_messages_total',
      help: 'Outbound messages by state reached',
      labelNames: ['status'],
      registers,
    }),
    inboxPending: new Gauge({ name: 'hub_inbox_pending', help: 'Inbox rows waiting to be applied', registers }),
    inboxReceived: new Counter({
      name: 'hub_inbox_received_total',
      help: 'Changes received',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    inboxOrphans: new Gauge({
      name: 'hub_inbox_orphans',
      help: 'Leads of pages that no tenant has connected',
      registers,
    }),
    inboxParked: new Counter({ name: 'hub_inbox_parked_total', help: 'Inbox rows that were given up', registers }),
    tokenExpiry: new Gauge({
      name: 'hub_token_expiry_seconds',
      help: 'Until the Meta token ends',
      labelNames: ['tenant'],
      registers,
    }),
    balanceLow: new Counter({
      name: 'hub_ycloud_balance_low_total',
      help: 'Readings of a YCloud balance that would not last another week',
      registers,
    }),
    sendersStopped: new Counter({
      name: 'hub_senders_stopped_total',
      help: 'Times that a code of YCloud or Meta stopped all sending of a tenant',
      registers,
    }),
    tokenReminders: new Counter({
      name: 'hub_token_reminders_total',
      help: 'Reminders that a Meta token ends, by days before its end',
      labelNames: ['days'],
      registers,
    }),
    httpDuration: new Histogram({
      name: 'hub_http_request_duration_seconds',
      help: 'HTTP requests',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    errors: new Counter({ name: 'hub_errors_total', help: 'Unexpected errors', labelNames: ['where'], registers }),
  };
}

/** The fullest of Graph's limits as its last replies said, 0 to 1; null before the first. */
export async function fullestLimit({ metaUsage }: Pick<Metrics, 'metaUsage'>): Promise<number | null> {
  const ratios = (await metaUsage.get()).values.map(({ value }) => value);
  return ratios.length === 0 ? null : Math.max(...ratios);
}
