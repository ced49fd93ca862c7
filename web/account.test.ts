import { sql } from 'slonik';
import { beforeAll, describe, expect, it } from 'vitest';
import { dayIn } from '../domain/days.ts';
import { decimal, toText } from '../domain/decimal.ts';
import { EXPLAINED } from '../domain/explain.ts';
import { aCampaign, aDay, anAccount } from '../test/crm.ts';
import { aTenant, type TestDatabase, testDatabase } from '../test/database.ts';
import { textOf } from '../test/html.ts';
import { aPerson, type Person } from '../test/person.ts';
import { aTenantOfThreeAccounts } from '../test/three-accounts.ts';
import { type WholeApp, wholeApp } from '../test/whole-app.ts';
import type { StatsJson } from './stats-json.ts';

const ACCOUNTS = ['100', '101', '102'];
const today = dayIn('America/Argentina/Buenos_Aires', new Date());
let db: TestDatabase;
let app: WholeApp;
let tenantId: number;
let leadId: string;
let person: Person;
let stranger: Person;

beforeAll(async () => {
  db = await testDatabase();
  app = await wholeApp(db, { MARKETING_RATE_LIMIT: '100000' });
  ({ tenantId, leadId } = await aTenantOfThreeAccounts(app, db));
  person = await aPerson(app, db, tenantId);
  const other = await aTenant(db);
  stranger = await aPerson(app, db, other);
  await anAccount(db, other, { id: '999', name: 'Ajena' });
  await aCampaign(db, other, { id: '900', accountId: '999' });
  await aDay(db, other, today, { campaignId: '900', accountId: '999', spend: '5.00' });
});

const json = async <T>(path: string, who = person): Promise<T> =>
  (await (await who.get(path, { accept: 'application/json' })).json()) as T;
const stats = (query: string, who?: Person) => json<StatsJson>(`/crm/marketing/stats?${query}`, who);
const page = async (path: string) => (await person.get(path)).text();
const sum = (amounts: readonly (string | null)[]) =>
  toText(
    amounts.reduce((all, amount) => all + decimal(amount ?? 'x'), 0n),
    2,
  );

const COUNTS = ['leads', 'meta_leads', 'opportunities', 'sales'] as const;
const MONEY = ['spend', 'revenue'] as const;
type Total = StatsJson['totals'][number];
const added = (totals: readonly Total[]) => ({
  ...Object.fromEntries(COUNTS.map((name) => [name, totals.reduce((all, total) => all + total[name], 0)])),
  ...Object.fromEntries(MONEY.map((name) => [name, sum(totals.map((total) => total[name]))])),
});

describe('The figures of one account', () => {
  const questions = ['date', 'cohort'].flatMap((view) =>
    ['last', 'first', 'linear'].flatMap((model) =>
      ['', '&currency=all'].map((rest) => `view=${view}&model=${model}${rest}`),
    ),
  );
  it.each(questions)(
    'are its part: all accounts and what has none make up the whole, to the cent (%s)',
    async (question) => {
      const whole = await stats(question);
      const parts = await Promise.all(ACCOUNTS.map((account) => stats(`${question}&account=${account}`)));
      for (const total of whole.totals) {
        const same = parts.flatMap(({ totals }) => totals.filter(({ currency }) => currency === total.currency));
        expect(added(same)).toEqual(added([total]));
      }
      expect(parts.flatMap(({ campaigns }) => campaigns.map((each) => each.meta_campaign_id)).sort()).toEqual(
        whole.campaigns.map((each) => each.meta_campaign_id).sort(),
      );
      expect(parts.map(({ accounts }) => accounts)).toEqual(
        ACCOUNTS.map((id) => whole.accounts.filter((each) => each.ad_account_id === id)),
      );
      // What belongs to no campaign belongs to no account.
      expect(whole.unattributed).toMatchObject({ leads: 1, sales: 1, revenue: '55.55' });
      for (const { unattributed } of parts) expect(unattributed).toEqual({ leads: 0, sales: 0, revenue: '0.00' });
      if (!question.endsWith('all')) return;
      const sold = sum([
        ...parts.flatMap(({ totals }) => totals.map(({ revenue }) => revenue)),
        whole.unattributed.revenue,
      ]);
      expect(sold).toBe(sum(['100.00', '100.01', '77.77', '55.55', '14645.00'])); // 10.10 × 1,450
    },
  );

  it('have the days of its own zone', async () => {
    const [account] = (await stats('account=101')).accounts;
    expect((await stats('account=101')).period).toEqual({ since: account?.since, until: account?.until });
  });

  it.each(ACCOUNTS)('are explained by the rows that make them up, sum by sum (account %s)', async (account) => {
    const [total] = (await stats(`account=${account}&model=linear`)).totals;
    const rowsOf = async (figure: string) => {
      const csv = await page(`/crm/marketing/explain.csv?figure=${figure}&account=${account}&model=linear`);
      const [, ...lines] = csv
        .trim()
        .split('\r\n')
        .map((line) => line.split(','));
      return lines.map(([kind = '', , , , , , counted = '', currency = '']) => ({ kind, counted, currency }));
    };
    const ofKind = (rows: Awaited<ReturnType<typeof rowsOf>>, kind: string) => rows.filter((row) => row.kind === kind);
    const roi = await rowsOf('roi');
    expect(sum(ofKind(roi, 'sale').map(({ counted }) => counted))).toBe(total?.revenue);
    expect(sum(ofKind(roi, 'spend').map(({ counted }) => counted))).toBe(total?.spend);
    expect(new Set(roi.map(({ currency }) => currency))).toEqual(new Set([total?.currency]));
    expect(ofKind(await rowsOf('leads'), 'lead')).toHaveLength(total?.leads ?? -1);
  });

  it('are explained by its own people, however many newer ones another account has', async () => {
    const other = await aTenantOfThreeAccounts(app, db);
    await db.database.inTenant(other.tenantId, async (tx) => {
      await tx.query(sql.unsafe`
        WITH many AS (INSERT INTO leads (tenant_id, meta_leadgen_id, submitted_at)
          SELECT ${other.tenantId}, 'many-' || n, now() - interval '1 day' FROM generate_series(1, 1000) n RETURNING id, submitted_at)
        INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at, meta_campaign_id)
        SELECT ${other.tenantId}, id, 'form', submitted_at, '400' FROM many`);
    });
    const reader = await aPerson(app, db, other.tenantId);
    const html = await (await reader.get('/crm/marketing/explain?figure=leads&account=100')).text();
    expect(html.match(/<tr data-lead=/g)).toHaveLength(3);
  });

  it.each(EXPLAINED)('are opened from the page with the same number: %s', async (figure) => {
    for (const account of ACCOUNTS) {
      const hub = await page(`/crm/marketing?account=${account}`);
      const link = new RegExp(`href="(/crm/marketing/explain\\?figure=${figure}&amp;[^"]*)">([^<]*)<`).exec(hub);
      const onHub = !['impressions', 'clicks', 'metaLeads'].includes(figure);
      expect(link !== null).toBe(onHub);
      const path = link?.[1]?.replaceAll('&amp;', '&') ?? `/crm/marketing/explain?figure=${figure}&account=${account}`;
      expect(path).toContain(`account=${account}`);
      const html = await page(path);
      const result = textOf(/<span class="tone" data-result>[\s\S]*?<\/span>/.exec(html)?.[0] ?? '');
      // The hub's cards leave out the cents of thousands.
      expect(result.replace(/\.\d\d$/, '')).toContain(textOf(link?.[2] ?? '').replace(/\.\d\d$/, ''));
      expect(textOf(html)).toContain('they belong to no account');
      expect(html).toContain(
        `<a class="link" href="/crm/marketing?days=30&amp;view=date&amp;model=last&amp;account=${account}`,
      );
    }
  });
});

describe('The account picker', () => {
  const chosenIn = (html: string, id: string) =>
    [
      ...(new RegExp(`<select id="f-${id}"[\\s\\S]*?</select>`).exec(html)?.[0] ?? '').matchAll(
        /<option value="([^"]*)"( selected)?>([^<]*)</g,
      ),
    ].map(([, value, selected, label]) => `${value}${selected ? '*' : ''} ${label}`);

  it('is part of the form, offers every account, and shows the chosen one in its own currency', async () => {
    for (const path of ['/crm/marketing?', '/crm/marketing/breakdown?by=creative&']) {
      expect(chosenIn(await page(path), 'account')).toEqual([
        '* All accounts',
        '100 Aurora · ARS',
        '102 Madrid · ARS',
        '101 Miami · USD',
      ]);
      expect(chosenIn(await page(path), 'currency')).toEqual(['ARS* ARS', 'USD USD', 'all All accounts, in ARS']);
      // The currency that was shown before is sent along by the form: the account's own goes first.
      const html = await page(`${path}account=101&currency=ARS`);
      expect(chosenIn(html, 'account')).toContain('101* Miami · USD');
      expect(chosenIn(html, 'currency')).toEqual(['USD* USD', 'all Converted to ARS']);
      expect(textOf(html)).toContain('belong to no account');
      expect(chosenIn(await page(`${path}account=100`), 'currency')).toEqual(['ARS* ARS']);
    }
  });

  it('leaves nothing on the hub that is not of the account', async () => {
    const html = await page('/crm/marketing?account=101');
    expect([...html.matchAll(/data-campaign="(\d+)"/g)].map(([, id]) => id)).toEqual(['300']);
    expect([...html.matchAll(/data-line="(\d+)"/g)].map(([, id]) => id)).toEqual(['3002']);
    expect(textOf(html)).toContain('Total in USD $40.14');
    expect(textOf(html)).toMatch(/Spend \$40\.14 .*?before \$20\.07/);
    expect(textOf(html)).toMatch(/First response 1 h/); // 60 and 90 minutes
    expect(textOf(await page('/crm/marketing?account=100'))).toMatch(/First response 4 min/);
    expect(textOf(await page('/crm/marketing?account=102'))).toMatch(/First response 1 h 30 min/);
    for (const [, link] of html.matchAll(/href="(\/crm\/marketing\/(?:explain|breakdown|campaigns)[^"]*)"/g))
      expect(link).toContain('account=101');
    expect(textOf(await page('/crm/marketing?account=101&currency=all'))).toContain('Total in ARS $58,203.00'); // 40.14 × 1,450
  });

  it('is kept on the campaign’s page, which is of its account', async () => {
    const html = await page('/crm/marketing/campaigns/300?account=101');
    expect(html).toContain('<input type="hidden" name="account" value="101">');
    expect(html).toContain('figure=spend&amp;days=30&amp;view=date&amp;model=last&amp;account=101&amp;campaign=300');
    expect((await person.get('/crm/marketing/campaigns/300?account=100')).status).toBe(404);
  });

  it('is not there where there is one account, and takes what a form sends and how Meta writes it', async () => {
    expect(await (await stranger.get('/crm/marketing')).text()).not.toContain('f-account');
    const known = await stats('account=101');
    expect(await stats('account=act_101')).toEqual(known);
    expect(await stats('account=')).toEqual(await stats(''));
  });

  it('shows nothing of another tenant’s account, and refuses what is none', async () => {
    const paths = [
      'marketing?',
      'marketing/stats?',
      'marketing/campaigns?',
      'marketing/breakdown?',
      'marketing/breakdown.csv?',
      'marketing/explain?figure=spend&',
      'marketing/explain.csv?figure=spend&',
    ];
    for (const path of paths) {
      const reply = await person.get(
        `/crm/${path}account=999`,
        path.includes('campaigns') ? { accept: 'application/json' } : {},
      );
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.text()).not.toContain('Ajena');
    }
    expect((await stats('account=999', stranger)).totals).toMatchObject([{ spend: '5.00' }]);
    expect((await stranger.get('/crm/marketing/stats?account=100')).status).toBe(404);
    for (const bad of ['x', '1;2', '1'.repeat(31)])
      expect((await person.get(`/crm/marketing?account=${bad}`)).status).toBe(422);
  });
});

describe('What is cached of an account', () => {
  it('never answers for another, and changes with the next sale', async () => {
    const paths = (account: string) => [
      `/crm/marketing/stats?account=${account}&days=31`,
      `/crm/marketing/breakdown?by=creative&account=${account}&days=31`,
      `/crm/marketing/breakdown?by=channel&account=${account}&days=31`,
    ];
    const read = async (account: string) => {
      const texts = await Promise.all(
        paths(account).map((path) => json<object>(path).then((body) => JSON.stringify(body))),
      );
      const html = await page(`/crm/marketing?account=${account}&days=31`);
      return [...texts, /id="campaigns"[\s\S]*?<\/section>/.exec(html)?.[0] ?? ''];
    };
    const first = new Map<string, string[]>();
    for (const account of ['', ...ACCOUNTS]) first.set(account, await read(account));
    for (let part = 0; part < 4; part++) expect(new Set([...first.values()].map((texts) => texts[part])).size).toBe(4);
    for (const account of [...ACCOUNTS, '']) expect(await read(account)).toEqual(first.get(account));
    await person.post(`/crm/leads/${leadId}/sales`, { amount: '7', currency: 'USD', sold_on: '' });
    expect((await read('101'))[0]).not.toBe(first.get('101')?.[0]);
    expect((await read('101'))[3]).not.toBe(first.get('101')?.[3]);
    expect((await read('100'))[0]).toBe(first.get('100')?.[0]);
  });
});
