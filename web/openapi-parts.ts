import { z } from 'zod';

export const schemaOf = (schema: z.ZodType): object =>
  z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' });
export const jsonBody = (schema: z.ZodType): object => ({
  required: true,
  content: { 'application/json': { schema: schemaOf(schema) } },
});
export const replyOf = (description: string, schema: z.ZodType): object => ({
  description,
  content: { 'application/json': { schema: schemaOf(schema) } },
});
export const idPath = [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }];

/** A query's fields as parameters, each with its own schema. */
export const queryOf = (query: z.ZodObject): object[] =>
  Object.entries(query.shape).map(([name, field]) => ({
    name,
    in: 'query',
    required: false,
    schema: schemaOf(field as z.ZodType),
  }));

const refused = Object.fromEntries(
  Object.entries({
    401: 'No valid credentials',
    403: 'Not allowed',
    404: 'No such object',
    422: 'The request makes no sense',
    429: 'Too many calls; see Retry-After',
  }).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
  ]),
);

/** One operation, with the refusals that every one of them knows. */
export const operation = (
  summary: string,
  { responses, ...rest }: { responses: object; parameters?: object[]; requestBody?: object },
): object => ({ summary, ...rest, responses: { ...responses, ...refused } });
