import { beforeAll, describe, expect, it } from 'vitest';
import { BREAKDOWNS } from '../domain/breakdown.ts';
import { decimal, toText } from '../domain/decimal.ts';
import { testDatabase } from '../test/database.ts';
import { aPerson, type Person } from '../test/person.ts';
import { aTenantOfThreeAccounts } from '../test/three-accounts.ts';
import { wholeApp } from '../test/whole-app.ts';

const ACCOUNTS = ['100', '101', '102'];
let person: Person;

beforeAll(async () => {
  const db = await testDatabase();
  const app = await wholeApp(db);
  person = await aPerson(app, db, (await aTenantOfThreeAccounts(app, db)).tenantId);
});

const page = async (path: string) => (await person.get(path)).text();
const json = async <T>(path: string): Promise<T> =>
  (await (await person.get(path, { accept: 'application/json' })).json()) as T;
const sum = (amounts: readonly (string | null)[]) =>
  toText(
    amounts.reduce((all, amount) => all + decimal(amount ?? 'x'), 0n),
    2,
  );

interface Lines {
  lines: { id: string; leads: number; sales: number; opportunities: number; spend: string | null; revenue: string }[];
  spend_beyond_ads: string | null;
}

describe('The breakdowns of one account', () => {
  const people = ['channel', 'form'];
  it.each(BREAKDOWNS.filter((by) => by !== 'field'))('by %s make up the whole with those of the others', async (by) => {
    const path = (rest: string) => `/crm/marketing/breakdown?by=${by}&currency=all&model=linear${rest}`;
    const whole = await json<Lines>(path(''));
    const parts = await Promise.all(ACCOUNTS.map((account) => json<Lines>(path(`&account=${account}`))));
    const all = parts.flatMap(({ lines }) => lines);
    const isOfPeople = people.includes(by);
    // Of people one belongs to no account: 55.55 came without an ad.
    const rest = isOfPeople
      ? { leads: 1, sales: 1, opportunities: 1, revenue: '55.55' }
      : { leads: 0, sales: 0, opportunities: 0, revenue: '0' };
    for (const name of ['leads', 'sales', 'opportunities'] as const)
      expect(all.reduce((sum, line) => sum + line[name], rest[name])).toBe(
        whole.lines.reduce((sum, line) => sum + line[name], 0),
      );
    expect(sum([...all.map(({ revenue }) => revenue), rest.revenue])).toBe(
      sum(whole.lines.map(({ revenue }) => revenue)),
    );
    expect(whole.lines.length).toBeGreaterThan(0);
    if (isOfPeople) return;
    expect(sum(all.map(({ spend }) => spend))).toBe(sum(whole.lines.map(({ spend }) => spend)));
    expect(all.map(({ id }) => id).sort()).toEqual(whole.lines.map(({ id }) => id).sort());
    if (['ad', 'adset', 'creative'].includes(by))
      expect(sum(parts.map(({ spend_beyond_ads }) => spend_beyond_ads))).toBe(whole.spend_beyond_ads);
  });

  it('of people are those of whom it brought first', async () => {
    const ofChannel = async (account: string) => {
      const { lines } = await json<Lines>(`/crm/marketing/breakdown?by=channel&account=${account}`);
      return lines.map(({ id, leads, sales, spend }) => [id, leads, sales, spend]);
    };
    expect(await ofChannel('100')).toEqual([['fb', 2, 2, null]]);
    // Who saw the ad from Madrid first came by it, and bought in pesos.
    expect(await ofChannel('102')).toEqual([['ig', 1, 1, null]]);
    expect(await ofChannel('101')).toEqual([['ig', 1, 1, null]]);
  });

  it('are reached from the list of accounts', async () => {
    const html = await page('/crm/marketing/breakdown?by=account&currency=all&days=7');
    const links = [...html.matchAll(/<tr data-line="(\d+)">[\s\S]*?<a href="([^"]*)"/g)].map(([, id, href]) => [
      id,
      href,
    ]);
    expect(links).toContainEqual([
      '101',
      '/crm/marketing?days=7&amp;view=date&amp;model=last&amp;account=101&amp;currency=all',
    ]);
  });

  it('are in its own currency, in the file too', async () => {
    const csv = await page('/crm/marketing/breakdown.csv?by=campaign&account=101');
    expect(csv.trim().split('\r\n')).toHaveLength(2);
    expect(csv).toContain('\r\n300,Plan 300,Miami,ACTIVE,40.14,');
    expect(csv).toContain(',USD,');
  });
});
