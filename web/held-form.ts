import { z } from 'zod';
import { type Age, ages, choices, type Resumption } from '../domain/held-runs.ts';

const fieldsOf = z.object({
  hour: z.enum(choices).default('drop'),
  day: z.enum(choices).default('drop'),
  older: z.enum(choices).default('drop'),
  hours: z.coerce.number().int().min(1).max(72).default(2),
});

/** What a person decided for each age of held messages; null when the form says something else. What it does not say is dropped. */
export function resumptionOf(values: Record<string, string>): Resumption | null {
  const parsed = fieldsOf.safeParse(values);
  if (!parsed.success) return null;
  const { hours, ...byAge } = parsed.data;
  return { choices: byAge, hours };
}

/** The ages that hold anything, as the form lists them. */
export const agesWith = (counts: Record<Age, number>): { age: Age; count: number }[] =>
  ages.map((age) => ({ age, count: counts[age] })).filter(({ count }) => count > 0);
