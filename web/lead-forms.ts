import type { Request } from 'express';
import { z } from 'zod';
import type { NewOpportunity, NewSale } from '../adapters/postgres/sales.ts';
import { parseAmount } from '../domain/amounts.ts';
import { isSaleDay } from '../domain/sale.ts';

const currencyCode = z.string().regex(/^[A-Z]{3}$/);
const day = z.iso.date();
// As a browser's field for date and time sends it; some add seconds.
const moment = z.union([
  z.literal(''),
  z.iso.datetime({ local: true, offset: false }).transform((text) => text.slice(0, 16)),
]);
type Words = (key: string) => string;

/** The opportunity that was typed, or what is wrong, in words, by field. */
export function opportunityOf(
  values: Record<string, string>,
  locale: 'es' | 'en',
  t: Words,
): { opportunity?: NewOpportunity; errors: Record<string, string> } {
  const currency = currencyCode.safeParse(values['currency']);
  const amount = currency.success ? parseAmount(values['value'] ?? '', locale, currency.data) : null;
  const name = z.string().trim().min(1).max(200).safeParse(values['name']);
  const expected = moment.safeParse(values['expected_at'] ?? '');
  const errors = {
    ...(name.success ? {} : { name: t('leads:errors.name') }),
    ...(amount === null || amount.startsWith('-') ? { value: t('leads:errors.amount') } : {}),
    ...(currency.success ? {} : { currency: t('leads:errors.currency') }),
    ...(expected.success ? {} : { expected_at: t('leads:errors.moment') }),
  };
  if (!name.success || !currency.success || amount === null || !expected.success || Object.keys(errors).length > 0)
    return { errors };
  const expectedAt = expected.data === '' ? null : expected.data;
  return { opportunity: { name: name.data, value: amount, currency: currency.data, expectedAt }, errors };
}

/** The sale that was typed, by `today` in the tenant's zone, or what is wrong, in words, by field. */
export function saleOf(
  values: Record<string, string>,
  locale: 'es' | 'en',
  today: string,
  t: Words,
): { sale?: NewSale; errors: Record<string, string> } {
  const currency = currencyCode.safeParse(values['currency']);
  const amount = currency.success ? parseAmount(values['amount'] ?? '', locale, currency.data) : null;
  const soldOn = day.safeParse(values['sold_on'] || today);
  const errors = {
    ...(amount === null || Number(amount) === 0 ? { amount: t('leads:errors.amount') } : {}),
    ...(currency.success ? {} : { currency: t('leads:errors.currency') }),
    ...(!soldOn.success || !isSaleDay(soldOn.data, today) ? { sold_on: t('leads:errors.day') } : {}),
  };
  if (!currency.success || !soldOn.success || amount === null || Object.keys(errors).length > 0) return { errors };
  return { sale: { amount, currency: currency.data, soldOn: soldOn.data }, errors };
}

/** The form's text fields; anything else in the body is not looked at. */
export function fields(req: Request): Record<string, string> {
  const entries = Object.entries((req.body ?? {}) as Record<string, unknown>).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}
