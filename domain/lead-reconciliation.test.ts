import { describe, expect, it } from 'vitest';
import { type FormCounts, missingOf, readingOf, readSince } from './lead-reconciliation.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const HOUR_MS = 3_600_000;
const aForm = (given: Partial<FormCounts> = {}): FormCounts => ({
  leadsCount: 41,
  here: 41,
  unreachable: 0,
  readAt: NOW - HOUR_MS,
  deepReadAt: NOW - 9 * 24 * HOUR_MS,
  ...given,
});

describe('what of a form is read', () => {
  it('is nothing while the figures agree', () => expect(readingOf(aForm(), NOW)).toBeNull());
  it('is the last week when a lead is missing', () => expect(readingOf(aForm({ here: 40 }), NOW)).toBe('recent'));
  it('is the last week when Meta forgot one that is here', () =>
    expect(readingOf(aForm({ leadsCount: 40 }), NOW)).toBe('recent'));
  it('is the last week once a day', () => expect(readingOf(aForm({ readAt: NOW - 24 * HOUR_MS }), NOW)).toBe('recent'));
  it('is everything the first time', () =>
    expect(readingOf(aForm({ readAt: null, deepReadAt: null }), NOW)).toBe('deep'));
  it('is everything when a week left a difference', () =>
    expect(readingOf(aForm({ deepReadAt: null }), NOW)).toBe('deep'));
});

describe('what is missing', () => {
  it('leaves out what Meta no longer gives', () =>
    expect(missingOf({ leadsCount: 41, here: 30, unreachable: 11 })).toBe(0));
});

describe('a reading', () => {
  it('overlaps the week by ten minutes', () =>
    expect(readSince('recent', NOW)).toEqual(new Date('2026-11-17T11:50:00Z')));
  it('reaches back as far as Meta keeps leads', () =>
    expect(readSince('deep', NOW)).toEqual(new Date('2026-08-26T11:50:00Z')));
});
