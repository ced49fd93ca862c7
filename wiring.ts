import { createServer, type Server } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { createConversationIntake } from './activities/conversations.ts';
import { createOptOutDesk } from './activities/opt-outs.ts';
import { createTemplateDesk, type TemplateDesk } from './activities/templates.ts';
import { createWhatsappNotices, type WhatsappNotices } from './activities/whatsapp-notices.ts';
import { createVault } from './adapters/crypto/fernet.ts';
import { createLogger, type Logger } from './adapters/log.ts';
import { createMailer } from './adapters/mail.ts';
import { createMetrics } from './adapters/metrics.ts';
import { connectDatabase } from './adapters/postgres/pool.ts';
import { createStores, type Stores } from './adapters/postgres/stores.ts';
import { createCache } from './adapters/redis/cache.ts';
import { connectRedis } from './adapters/redis/client.ts';
import { createLiveUpdates } from './adapters/redis/live-updates.ts';
import type { createMetaReplies } from './adapters/redis/meta-replies.ts';
import { retrying } from './adapters/retrying.ts';
import { createTemporalClient } from './adapters/temporal/client.ts';
import { createConnectionWorkflows } from './adapters/temporal/connection.ts';
import { createDataDeletions } from './adapters/temporal/data-deletion.ts';
import { type Dispatcher, startDispatcher } from './adapters/temporal/dispatcher.ts';
import { createLeadWorkflows } from './adapters/temporal/leads.ts';
import { createYCloud } from './adapters/ycloud/client.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { isLive } from './domain/connection.ts';
import type { MetaReply } from './domain/meta-reply.ts';
import { givenLeadMail, newLeadMail } from './web/mails.ts';

// V8 would let garbage grow to several times what lives, some tens of MiB, before it looks. The first holds for every isolate at once; the other two only
// for those made from here on, the threads of workflows: a limit of the main isolate must stand on the command line.
setFlagsFromString('--heap-growing-percent=20');
setFlagsFromString('--max-old-space-size=192');
setFlagsFromString('--max-semi-space-size=2');

export type Foundation = Awaited<ReturnType<typeof foundation>>;

/** The environment, or one line that names what is wrong with it, and the end. */
export function configOrExit(): Config {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** What server and worker share: log, metrics, the four stores of state, and the clients of what is outside. */
export async function foundation(program: string, config: Config) {
  const log = createLogger(program, { environment: config.ENVIRONMENT });
  const metrics = createMetrics();
  const database = await retrying('PostgreSQL', log, () => connectDatabase(config.DATABASE_URL));
  const redis = config.REDIS_URL === undefined ? undefined : connectRedis(config.REDIS_URL);
  const temporal = createTemporalClient(config);
  const vault = createVault(config.ENCRYPTION_KEYS);
  const stores = createStores(database, vault, {
    ycloudApiKey: config.YCLOUD_API_KEY,
    ycloudWebhookSecret: config.YCLOUD_WEBHOOK_SECRET,
    onFallback: (provider, category, tenantId) =>
      log.debug({ provider, category, tenantId }, 'a secret was taken from the environment'),
  });
  return {
    config,
    log,
    metrics,
    database,
    redis,
    temporal,
    vault,
    stores,
    cache: createCache(redis),
    live: createLiveUpdates(redis),
    mailer: createMailer(config),
    ycloud: createYCloud({ url: config.YCLOUD_URL, log }),
    connectionWorkflows: createConnectionWorkflows(temporal.client),
    leadWorkflows: createLeadWorkflows(temporal.client),
    async close() {
      redis?.close();
      await temporal.close();
      await database.end();
    },
  };
}

/** Who hears Graph's replies: nobody, unless a debug switch is on. */
export function ears(
  { DEBUG_MARKETING_STATS, META_API_DEBUG_MODE }: Config,
  log: Logger,
  { keep }: Pick<ReturnType<typeof createMetaReplies>, 'keep'>,
): ((reply: MetaReply) => void) | undefined {
  if (!DEBUG_MARKETING_STATS && !META_API_DEBUG_MODE) return undefined;
  return (reply) => {
    if (META_API_DEBUG_MODE) log.info({ graph: reply }, 'graph reply');
    if (DEBUG_MARKETING_STATS) keep(reply);
  };
}

/** The tenants whose connection lives. */
export async function connectedTenants({ stores }: Pick<Foundation, 'stores'>): Promise<number[]> {
  const live: number[] = [];
  for (const tenantId of await stores.gauges.ids())
    if (isLive((await stores.connections.byTenant(tenantId)).status)) live.push(tenantId);
  return live;
}

/** Templates as YCloud shows them, copied and created. */
export const templateDesk = ({ stores, ycloud, live }: Pick<Foundation, 'stores' | 'ycloud' | 'live'>): TemplateDesk =>
  createTemplateDesk({ ...stores, ycloud, live });

/** What YCloud tells us, and what is left to send with. */
export const noticesOf = ({ stores, ycloud, metrics, config }: Foundation): WhatsappNotices =>
  createWhatsappNotices({ ...stores, ycloud, metrics, publicUrl: config.PUBLIC_URL });

/** Mails to a lead's seller; where nobody has it, it is a test, or no mail server is named, nothing is sent. */
export function sellerMails({ stores, mailer, config }: Pick<Foundation, 'stores' | 'mailer' | 'config'>) {
  const of = async (tenantId: number, leadId: string, compose: typeof newLeadMail) => {
    const lead = await stores.leads.facts(tenantId, leadId);
    if (lead.seller_email === null || lead.is_test) return;
    const facts = { leadId, campaignName: lead.campaign_name };
    await mailer.send({ to: lead.seller_email, ...compose(config.PUBLIC_URL, lead.seller_locale, facts) });
  };
  return {
    newLead: (tenantId: number, leadId: string) => of(tenantId, leadId, newLeadMail),
    givenLead: (tenantId: number, leadId: string) => of(tenantId, leadId, givenLeadMail),
  };
}

/** The inbox's dispatcher; one runs in each program, so that either alone keeps things moving. */
export function dispatcherOf(base: Foundation): Dispatcher {
  const { stores, leadWorkflows, connectionWorkflows, live, metrics, log } = base;
  const { inbox, conversations, deletionRequests, oauthAttempts, outboundMessages, automationRuns } = stores;
  const copyTemplates = templateDesk(base).copy;
  const intake = createConversationIntake({
    inbox,
    conversations,
    tell: leadWorkflows.tell,
    tellSeller: sellerMails(base).newLead,
    invalidateFigures: base.cache.invalidate,
    refreshTemplates: copyTemplates,
    live,
    metrics,
  });
  const notices = noticesOf(base);
  const optOuts = createOptOutDesk({ ...stores, ycloud: base.ycloud });
  const deletions = createDataDeletions(base.temporal.client);
  return startDispatcher({
    ...inbox,
    dueWork: async () => [...(await inbox.dueWork()), ...(await dueDeletions(stores))],
    startIntake: leadWorkflows.startIntake,
    applyYcloud: intake.apply,
    work: {
      stale_send: async (tenantId, messageId) => {
        if (await outboundMessages.markUnconfirmed(tenantId, messageId, 'no_answer'))
          metrics.messages.inc({ status: 'unconfirmed' });
        live.publish(tenantId, 'messages');
      },
      message_by_hand: (tenantId, messageId) => leadWorkflows.startMessage({ tenantId, messageId }),
      run_over: automationRuns.endUnanswered,
      templates: async (tenantId) => {
        await copyTemplates(tenantId);
        await notices.noteBalance(tenantId);
        await optOuts.pull(tenantId);
      },
      opt_out: optOuts.push,
      run_to_start: (tenantId, runId) => automationRuns.startLater(tenantId, runId, leadWorkflows.startAutomation),
      reminders: stores.reminderRules.startDue,
      oauth_returned: async (tenantId, attemptId) => {
        await connectionWorkflows.deliverOauthReturned(tenantId, attemptId);
        await oauthAttempts.markDelivered(tenantId, attemptId);
      },
      data_deletion: async (_tenantId, confirmationCode) => {
        await deletions.start(confirmationCode);
        await deletionRequests.markErasing(confirmationCode);
      },
      waiting_lead: (tenantId, leadgenId) =>
        leadWorkflows.startIntake({ tenantId, leadgenId, pageId: null, receivedAt: Date.now() }),
    },
    onParked: (count) => {
      metrics.inboxParked.inc(count);
      log.error({ count }, 'inbox rows parked: a person must look');
    },
    log,
  });
}

const dueDeletions = async ({ deletionRequests }: Pick<Stores, 'deletionRequests'>) =>
  (await deletionRequests.due()).map((object_id) => ({ work: 'data_deletion', tenant_id: 0, object_id }));

/** Serves `text` at /metrics on the loopback port. */
export function serveMetrics(port: number, host: string, text: () => Promise<string>, log: Logger): Server {
  const server = createServer((req, res) => {
    if (req.url !== '/metrics') return void res.writeHead(404).end();
    text().then(
      (body) => res.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body),
      (error) => {
        log.error({ err: error }, 'metrics not served');
        res.writeHead(500).end();
      },
    );
  });
  return server.listen(port, host);
}
