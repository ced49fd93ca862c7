import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Route } from './route.ts';
import { opportunityBody, saleBody } from './sales-api.ts';

const schemaOf = (schema: z.ZodType): object => z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
const jsonBody = (schema: z.ZodType) => ({
  required: true,
  content: { 'application/json': { schema: schemaOf(schema) } },
});
const created = {
  description: 'Created',
  content: { 'application/json': { schema: schemaOf(z.object({ id: z.uuid() })) } },
};
const refused = Object.fromEntries(
  Object.entries({
    401: 'No valid credentials',
    403: 'Not allowed',
    404: 'No such object',
    422: 'The body makes no sense',
    429: 'Too many calls; see Retry-After',
  }).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
  ]),
);
const leadId = [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }];

/** The JSON API under /api/v1. Bodies come from the very schemas that check them. */
export function openapi(publicUrl: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Marketing Hub',
      version: '1',
      description: 'Money is decimal text in major units. Bodies are bare objects.',
    },
    servers: [{ url: publicUrl }],
    security: [{ bearer: [] }, { adminToken: [] }],
    paths: {
      '/api/v1/leads/{id}/opportunities': {
        post: {
          summary: 'Open an opportunity',
          parameters: leadId,
          requestBody: jsonBody(opportunityBody),
          responses: { 201: created, ...refused },
        },
      },
      '/api/v1/leads/{id}/sales': {
        post: {
          summary: 'Record a sale; a refund is a negative amount',
          parameters: leadId,
          requestBody: jsonBody(saleBody),
          responses: { 201: created, ...refused },
        },
      },
      '/api/v1/sales/{id}': {
        delete: {
          summary: 'Void a sale: it stays on record and leaves every figure',
          parameters: leadId,
          responses: { 204: { description: 'Voided, now or before' }, ...refused },
        },
      },
      '/api/v1/sync-runs': {
        post: {
          summary: 'Sync now: today and the two days before',
          responses: { 202: { description: 'Started, or running already' }, ...refused },
        },
      },
    },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        adminToken: { type: 'apiKey', in: 'header', name: 'X-Admin-Token' },
      },
      schemas: {
        Error: schemaOf(
          z.object({ error: z.object({ code: z.string(), message: z.string(), reference: z.string() }) }),
        ),
      },
    },
  };
}

export const openapiRoutes = (publicUrl: string): Route[] => [
  {
    method: 'get',
    path: '/api/v1/openapi.json',
    access: 'public',
    handler: (_req: Request, res: Response) => void res.json(openapi(publicUrl)),
  },
];
