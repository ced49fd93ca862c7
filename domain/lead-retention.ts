/** The terms, in months, after which a tenant may have people erased of whom nothing was heard. */
export const RETENTION_MONTHS = [6, 12, 18, 24, 36, 48, 60] as const;

/** A term as a form or an address carries it: null is never, undefined none that is offered. */
export function readRetentionMonths(given: unknown): number | null | undefined {
  return given === '' ? null : RETENTION_MONTHS.find((months) => String(months) === given);
}
