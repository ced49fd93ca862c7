import { createAccounts } from './accounts.ts';
import { createContacts } from './contacts.ts';
import { createConversations } from './conversations.ts';
import { createEndpoints } from './endpoints.ts';
import { everyEvent } from './event-types.ts';
import { createFaults } from './faults.ts';
import { createInbound } from './inbound.ts';
import { createLedger } from './ledger.ts';
import { createLimits } from './limits.ts';
import { createMessages } from './messages.ts';
import { createSenders } from './senders.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { createTemplates } from './templates.ts';
import { createUnsubscribers } from './unsubscribers.ts';
import { createWebhooks } from './webhooks.ts';
import { createWorld, restoreWorld } from './world.ts';

export interface YCloudOptions {
  apiKeys: readonly string[];
  /** 0, the default, takes any free one. */
  port?: number;
  /** An endpoint that stands from the start, for every event. */
  webhook?: { url: string; secret: string };
  /** Decides who reads, and which events carry fields nobody knows. Ids are fresh at every start. */
  seed?: number;
}

export type Simulator = ReturnType<typeof createSimulator>;

/** Every part of the simulated provider, wired. */
export function createSimulator({ apiKeys, webhook, seed = 1 }: YCloudOptions) {
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const iso = () => new Date(now()).toISOString();
  const settings: Settings = { ...defaultSettings };
  const world = createWorld(iso);
  const accounts = createAccounts(world, apiKeys);
  const ledger = createLedger();
  const faults = createFaults();
  const limits = createLimits(settings, now);
  const conversations = createConversations(now);
  const webhooks = createWebhooks({ ledger, settings, seed, now });
  const told = { world, accounts, conversations, webhooks, now };
  const messages = createMessages({ ...told, faults, ledger, limits, settings, seed });
  const inbound = createInbound(told);
  const templates = createTemplates({ world, accounts, webhooks, settings, iso });
  const endpoints = createEndpoints(iso);
  const contacts = createContacts(webhooks, iso);
  const preset = () =>
    webhook && endpoints.create(accounts.main(), { url: webhook.url, enabledEvents: everyEvent }, webhook.secret);
  preset();

  return {
    ...{ settings, world, accounts, ledger, faults, limits, conversations, webhooks },
    ...{ messages, inbound, templates, endpoints, contacts, now, iso },
    senders: createSenders({ world, accounts, webhooks }),
    unsubscribers: createUnsubscribers(webhooks, iso),
    /** Moves the clock on and sends what has become due. */
    advance(seconds: number) {
      offsetMs += seconds * 1000;
      webhooks.pump();
    },
    /** Forgets what happened. Keys, endpoints and owners stay unless `all`: a reset must not disconnect anybody. */
    reset(all: boolean) {
      offsetMs = 0;
      for (const part of [ledger, faults, limits, conversations, webhooks, messages, inbound, templates, contacts])
        part.clear();
      Object.assign(settings, defaultSettings);
      accounts.forget();
      restoreWorld(world, iso());
      if (!all) return;
      Object.assign(world, createWorld(iso));
      accounts.restart();
      preset();
    },
    /** Ends every timer and every delivery under way. */
    stop() {
      for (const part of [webhooks, messages, templates]) part.clear();
    },
  };
}
