import { connectDatabase } from '../adapters/postgres/pool.ts';
import { actionOf } from '../domain/automation.ts';
import type { DemoFile } from './demo/file.ts';
import type { DemoSecrets } from './demo/secrets.ts';
import { type DemoTenant, seedTenant, seedWhatsapp, welcomeRule } from './seed/tenants.ts';
import { palta } from './seed.ts';
import { asRole } from './stack/roles.ts';
import { connectMeta, signIn } from './walk/connect.ts';
import { type Page, Person } from './walk/person.ts';

interface Step {
  step: string;
  ok: boolean;
  ms: number;
  error?: string;
}

interface Ledger {
  messages: { externalId: string; to: string; template: string }[];
}

const REPLY = 'Hola, ¿puede ser el jueves a la tarde?';

/** One lead from advertisement to sale on a fresh tenant, through the public HTTP surface only. Prints a line a step and last a JSON summary. */
export async function runWalk(demo: DemoFile, secrets: DemoSecrets): Promise<boolean> {
  const tenant = await freshTenant(demo, secrets);
  const walk = new Walk(demo, tenant);
  const steps: Step[] = [];
  for (const [name, deed] of walk.steps()) {
    const started = performance.now();
    const error = await deed().then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason.message : String(reason)),
    );
    const step: Step = {
      step: name,
      ok: error === undefined,
      ms: Math.round(performance.now() - started),
      ...(error === undefined ? {} : { error }),
    };
    steps.push(step);
    process.stdout.write(
      `${step.ok ? '✓' : '✗'} ${name} (${(step.ms / 1000).toFixed(1)} s)${error === undefined ? '' : `: ${error}`}\n`,
    );
    if (!step.ok) break;
  }
  const ok = steps.every((step) => step.ok);
  process.stdout.write(`${JSON.stringify({ ok, tenant: tenant.id, ...walk.result, steps })}\n`);
  return ok;
}

async function freshTenant(demo: DemoFile, secrets: DemoSecrets): Promise<DemoTenant> {
  const owner = await connectDatabase(asRole(demo.adminDatabaseUrl, 'hub_owner', secrets.ownerPassword), {
    maxPoolSize: 1,
  });
  const app = await connectDatabase(demo.databaseUrl, { maxPoolSize: 1 });
  try {
    const tenant = await seedTenant(owner, secrets.jwtSecret, palta);
    await seedWhatsapp(app, demo.ycloudSimUrl, tenant.id, 2, { rule: false });
    return tenant;
  } finally {
    await Promise.all([owner.end(), app.end()]);
  }
}

class Walk {
  readonly result: Record<string, unknown> = {};
  readonly #demo: DemoFile;
  readonly #tenant: DemoTenant;
  readonly #person: Person;
  #hub!: Page;
  #pages: string[] = [];
  #lead!: string;

  constructor(demo: DemoFile, tenant: DemoTenant) {
    this.#demo = demo;
    this.#tenant = tenant;
    this.#person = new Person(demo.webUrl);
  }

  steps(): [string, () => Promise<void>][] {
    return [
      ['sign in', () => this.#signIn()],
      ['write the rule "new lead → template"', () => this.#writeRule()],
      ['connect the Meta account', () => this.#connect()],
      ['campaigns and results arrive', () => this.#sync()],
      ['a lead submits a form', () => this.#submitForm()],
      ['the template is delivered', () => this.#template()],
      ['the person replies', () => this.#reply()],
      ['a sale is recorded', () => this.#sale()],
      ['the dashboard shows the ROI', () => this.#roi()],
    ];
  }

  async #signIn(): Promise<void> {
    this.#hub = await signIn(this.#person, this.#tenant);
  }

  async #writeRule(): Promise<void> {
    const body = {
      name: welcomeRule.name,
      trigger_type: 'new_lead',
      trigger_conditions: {},
      action_type: 'send_template',
      action_config: actionOf(welcomeRule.steps).config,
    };
    await this.#api('/crm/marketing/automation-rules', { method: 'POST', body });
  }

  async #connect(): Promise<void> {
    const { pages } = await connectMeta(this.#person, this.#hub, { business: 2, pages: /Palta/ });
    if (pages.length === 0) throw new Error('the wizard offered no page to read leads from');
    this.#pages = pages;
  }

  async #sync(): Promise<void> {
    await this.#person.waitFor('/crm/marketing?days=90', (page) => page.text.includes('data-campaign="'), 90_000);
  }

  async #submitForm(): Promise<void> {
    const world = await this.#sim<{ forms: { id: string; page_id: string }[] }>(this.#demo.metaSimUrl, 'world');
    const form = world.forms.find((each) => this.#pages.includes(each.page_id));
    if (!form) throw new Error('no form on the connected pages');
    const { leadgen_ids } = await this.#sim<{ leadgen_ids: string[] }>(this.#demo.metaSimUrl, 'leads', {
      form_id: form.id,
    });
    const list = await this.#person.waitFor('/crm/leads', (page) => /data-lead="[^"]+"/.test(page.text), 30_000);
    this.#lead = /data-lead="([^"]+)"/.exec(list.text)?.[1] ?? '';
    this.result['leadgenId'] = leadgen_ids[0];
  }

  async #template(): Promise<void> {
    await this.#atLead((page) => /data-state="(delivered|read)"/.test(page.text));
    const page = await this.#person.visit(`/crm/leads/${this.#lead}`);
    const phone = /\+57\d+|\+\d{8,15}/.exec(page.text)?.[0] ?? '';
    const ledger = await this.#sim<Ledger>(this.#demo.ycloudSimUrl, 'ledger');
    const sent = ledger.messages.filter((message) => message.to === phone);
    if (sent.length !== 1) throw new Error(`YCloud's ledger has ${sent.length} messages to this lead`);
    this.result['template'] = sent[0]?.template;
  }

  async #reply(): Promise<void> {
    const page = await this.#person.visit(`/crm/leads/${this.#lead}`);
    const phone = /\+\d{8,15}/.exec(page.text)?.[0] ?? '';
    await this.#sim(this.#demo.ycloudSimUrl, 'replies', { to: phone, text: REPLY });
    await this.#atLead(
      (now) => now.text.includes('¿puede ser el jueves') && /value="contacted" selected/.test(now.text),
    );
  }

  async #sale(): Promise<void> {
    const page = await this.#person.visit(`/crm/leads/${this.#lead}`);
    await this.#person.submit(page, 'id="opportunity"', {
      name: 'Campaña de verano',
      value: '60.000.000',
      currency: await this.#currencyOfLead(),
    });
    const sold = await this.#person.submit(await this.#person.visit(`/crm/leads/${this.#lead}`), 'id="sale"', {
      amount: '58.000.000',
      currency: await this.#currencyOfLead(),
    });
    if (!sold.text.includes('data-sale="')) throw new Error(`the sale is not on the lead's page (HTTP ${sold.status})`);
  }

  async #roi(): Promise<void> {
    const stats = await this.#api<{
      totals: { currency: string; revenue: string; spend: string; roi_percentage: string | null }[];
      campaigns: { revenue: string; roi_percentage: string | null }[];
    }>('/crm/marketing/stats?days=30');
    const earning = stats.campaigns.filter((campaign) => Number(campaign.revenue) > 0);
    const total = stats.totals.find((each) => Number(each.revenue) === 58_000_000);
    if (earning.length !== 1 || total?.roi_percentage == null) throw new Error('the sale does not show in the figures');
    const page = await this.#person.visit(`/crm/marketing?days=30&currency=${total.currency}`);
    if (!/58[.,]000[.,]000/.test(page.text)) throw new Error('the sale does not show on the dashboard');
    Object.assign(this.result, {
      revenue: total.revenue,
      spend: total.spend,
      roi_percentage: total.roi_percentage,
      campaign_roi_percentage: earning[0]?.roi_percentage,
    });
  }

  /** Of the account whose campaign brought the lead: a sale in another one could not be set against its spend. */
  async #currencyOfLead(): Promise<string> {
    const stats = await this.#api<{ campaigns: { leads: number; currency: string }[] }>('/crm/marketing/stats?days=1');
    return stats.campaigns.find((campaign) => campaign.leads > 0)?.currency ?? 'ARS';
  }

  #atLead(holds: (page: Page) => boolean): Promise<Page> {
    return this.#person.waitFor(`/crm/leads/${this.#lead}`, holds, 30_000);
  }

  #api<T>(path: string, init: { method?: string; body?: unknown } = {}): Promise<T> {
    return this.#person.json<T>(path, { ...init, headers: { authorization: `Bearer ${this.#tenant.jwt}` } });
  }

  async #sim<T>(url: string, name: string, body?: unknown): Promise<T> {
    const response = await fetch(
      `${url}/_control/${name}`,
      body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
    if (!response.ok) throw new Error(`simulator ${name}: HTTP ${response.status}`);
    return (await response.json()) as T;
  }
}
