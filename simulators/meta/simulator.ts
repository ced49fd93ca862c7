import { type Clock, createClock } from './clock.ts';
import { createFaults, type Faults } from './faults.ts';
import { createRestatements, type Restatements } from './figures.ts';
import { createLeads, type Leads } from './leads.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createReports, type Reports } from './reports.ts';
import { createResults, type Results } from './results.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { createUsage, type Usage } from './usage.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';
import { createWorld } from './world.ts';
import type { World } from './world-types.ts';

/** The one app of this installation, as its dashboard would show it. */
export interface App {
  readonly id: string;
  readonly secret: string;
  readonly name: string;
  /** Allowed return addresses; empty allows any. */
  redirectUris: readonly string[];
  callbackUrl: string | undefined;
  verifyToken: string | undefined;
  /** Fields of the `page` object the app is subscribed to. */
  fields: readonly string[];
}

/** A code that the dialog gave out, waiting for its exchange. */
export interface AuthorizationCode {
  readonly userId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly challenge: string | undefined;
  readonly challengeMethod: string;
  readonly systemUser: boolean;
  readonly expiresAt: number;
  used: boolean;
}

/** All state of one running simulator. */
export interface Simulator {
  readonly app: App;
  readonly clock: Clock;
  readonly world: World;
  readonly settings: Settings;
  readonly tokens: Tokens;
  readonly codes: Map<string, AuthorizationCode>;
  readonly restatements: Restatements;
  readonly reports: Reports;
  readonly results: Results;
  readonly leads: Leads;
  readonly webhooks: Webhooks;
  /** Pages in the order in which they subscribed, with their fields. */
  readonly subscribedPages: Map<string, readonly string[]>;
  readonly usage: Usage;
  readonly faults: Faults;
  readonly ledger: Ledger;
  /** Where this server listens; set once it does. */
  url: string;
  /** Counts code exchanges: decides which replies leave `expires_in` out. */
  exchanges: number;
}

/** What a program or a test may set. Only the app's id and secret have no default. */
export interface SimulatorOptions {
  readonly appId: string;
  readonly appSecret: string;
  readonly port?: number;
  readonly seed?: number;
  readonly verifyToken?: string;
  /** Callback preset for the app's `page` subscription; no handshake is made. */
  readonly webhookUrl?: string;
  readonly redirectUris?: readonly string[];
  /** First number of invented people; the default differs from start to start so that ids never repeat. */
  readonly firstLead?: number;
  /** File that keeps page and app subscriptions across restarts. */
  readonly stateFile?: string;
  /** Source of the machine's time in milliseconds. */
  readonly now?: () => number;
}

/** Puts the parts together without listening. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const clock = createClock(options.now);
  const app: App = {
    id: options.appId,
    secret: options.appSecret,
    name: 'Marketing Hub',
    redirectUris: options.redirectUris ?? [],
    callbackUrl: options.webhookUrl,
    verifyToken: options.verifyToken,
    fields: options.webhookUrl === undefined ? [] : ['leadgen'],
  };
  const ledger = createLedger();
  const settings = defaultSettings();
  return {
    app,
    clock,
    world: createWorld(options.seed),
    settings,
    tokens: createTokens(app, clock),
    codes: new Map(),
    restatements: createRestatements(),
    results: createResults(),
    reports: createReports(),
    leads: createLeads(options.firstLead ?? secondsOfThisYear()),
    webhooks: createWebhooks({ app, clock, ledger, settings }),
    subscribedPages: new Map(),
    usage: createUsage(),
    faults: createFaults(),
    ledger,
    url: '',
    exchanges: 0,
  };
}

function secondsOfThisYear(): number {
  return Math.floor((Date.now() - Date.UTC(2026, 0, 1)) / 1000);
}
