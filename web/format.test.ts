import { describe, expect, it } from 'vitest';
import { makeFormat } from './format.ts';

const now = new Date('2026-11-24T15:00:00Z');
const es = makeFormat('es', 'America/Argentina/Buenos_Aires', () => now);
const en = makeFormat('en', 'America/New_York', () => now);
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('money', () => {
  it('is exact to the last digit, however large', () => {
    expect(plain(es.money('12345678901234567.89', 'ARS'))).toBe('$ 12.345.678.901.234.567,89');
    expect(en.money('12345678901234567.89', 'USD')).toBe('$12,345,678,901,234,567.89');
  });

  it('has no cents where its currency has none, and a dash where nothing is known', () => {
    expect(plain(es.money('1234.00', 'CLP'))).toBe('$ 1.234');
    expect(en.money('1234.50', 'KWD')).toContain('1,234.50');
    expect(es.money(null, 'ARS')).toBe('—');
  });

  it('tells currencies of one sign apart where they stand side by side', () => {
    const all = (format: typeof es) => ['ARS', 'USD'].map((currency) => plain(format.namedMoney('1234.50', currency)));
    expect(all(es)).toEqual(['$ 1.234,50', 'US$ 1.234,50']);
    expect(all(en)).toEqual(['ARS 1,234.50', 'USD 1,234.50']);
  });

  it('in headlines has cents below a thousand only', () => {
    expect([en.roundMoney('999.99', 'USD'), en.roundMoney('1000.50', 'USD'), en.roundMoney('-1234.50', 'USD')]).toEqual(
      ['$999.99', '$1,000', '-$1,234'],
    );
  });
});

describe('numbers and times', () => {
  it('are written as the language does', () => {
    expect([es.number(1234567), en.number(1234567), es.number(null)]).toEqual(['1.234.567', '1,234,567', '—']);
    expect([plain(es.percent('250.00')), plain(en.percent('-100.00')), es.percent(null)]).toEqual([
      '250,0 %',
      '-100.0 %',
      '—',
    ]);
    expect(en.dateTime(null)).toBe('—');
  });

  it('stand in the zone of the tenant, days in no zone', () => {
    const midnight = new Date('2026-11-24T04:30:00Z');
    expect([es.dateTime(midnight), en.dateTime(midnight)]).toEqual(['24 nov, 01:30', 'Nov 23, 23:30']);
    expect([es.longDay('2026-11-24'), en.longDay('2026-11-24')]).toEqual([
      '24 de noviembre de 2026',
      'November 24, 2026',
    ]);
  });

  it('of a length take the two largest units', () => {
    const spans = [0, 45, 60, 3599, 3600, 12_000, 86_400, 187_200, null].map((seconds) => plain(en.span(seconds)));
    expect(spans).toEqual(['0 s', '45 s', '1 min', '59 min', '1 h', '3 h 20 min', '1 d', '2 d 4 h', '—']);
  });

  it('count back from now for a day, then name the day', () => {
    const minutesAgo = (minutes: number) => en.relative(new Date(now.getTime() - minutes * 60_000));
    expect([minutesAgo(0), minutesAgo(5), minutesAgo(125), minutesAgo(60 * 30)]).toEqual([
      'this minute',
      '5 min. ago',
      '2 hr. ago',
      'Nov 23',
    ]);
    expect(minutesAgo(-3)).toBe('this minute'); // another machine's clock
  });
});
