import { type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { Period } from '../../domain/days.ts';

/** A moment as a column of its own, or as text inside JSON. */
export const instant = z.union([z.date(), z.iso.datetime({ offset: true }).transform((text) => new Date(text))]);

/**
 * Whether a moment lies between a day before the period and a day after it, so that the period's days of every zone are among them. Both ends are
 * timestamptz: a comparison with another type is not leakproof, and where rows are secured PostgreSQL uses neither index nor statistics for those.
 */
export const around = (at: FragmentSqlToken, { since, until }: Period): FragmentSqlToken => sql.fragment`
  (${at} >= (${since}::date - interval '1 day')::timestamptz AND ${at} < (${until}::date + interval '2 days')::timestamptz)`;
