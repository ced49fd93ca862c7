import type { Request } from 'express';
import type { z } from 'zod';
import { AppError } from '../domain/error.ts';

/** The body as its schema reads it. @throws {AppError} `invalid`, naming each field that is wrong */
export function bodyOf<T>(req: Request, schema: z.ZodType<T>): T {
  if (req.body === undefined) throw invalid(['a body of type application/json is needed']);
  return checked(schema, req.body);
}

/** The same of an address's parameters. @throws {AppError} `invalid`, naming each parameter that is wrong */
export const queryOf = <T>(req: Request, schema: z.ZodType<T>): T => checked(schema, { ...req.query });

/** What the caller is told of a request that makes no sense: names and rules, never a value. */
export const invalid = (problems: readonly string[]): AppError =>
  new AppError('invalid', `refused: ${problems.join('; ')}`, { problems });

function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap(wordsOf));
}

/** Of a choice between shapes, what each of them lacks. */
function wordsOf(issue: z.core.$ZodIssue): string[] {
  const place = issue.path.join('.');
  const at = (words: string) => (place === '' ? words : `${place}: ${words}`);
  if (issue.code !== 'invalid_union') return [at(issue.message)];
  const shapes = issue.errors.map((issues) => issues.flatMap(wordsOf).join(', '));
  return [at(`${issue.message}: ${shapes.join(' or ')}`)];
}
