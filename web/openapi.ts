import type { Request, Response } from 'express';
import { z } from 'zod';
import { leadBody, leadChangeBody, leadReply, leadSearchBody, leadsQuery, leadsReply } from './leads-api.ts';
import { marketingPaths } from './openapi-marketing.ts';
import { idPath, jsonBody, operation, queryOf, replyOf, schemaOf } from './openapi-parts.ts';
import type { Route } from './route.ts';
import { opportunityBody, saleBody } from './sales-api.ts';

const created = replyOf('Created', z.object({ id: z.uuid() }));

const leadPaths = {
  '/api/v1/leads': {
    get: operation('Leads, newest first, in pages', {
      parameters: queryOf(leadsQuery),
      responses: { 200: replyOf('A page of leads', leadsReply) },
    }),
    post: operation('Add a lead; nobody is messaged because of it', {
      requestBody: jsonBody(leadBody),
      responses: { 200: replyOf('The person is known: their lead', z.object({ id: z.uuid() })), 201: created },
    }),
  },
  '/api/v1/leads/searches': {
    post: operation('Find leads by phone, e-mail address or Meta’s id', {
      requestBody: jsonBody(leadSearchBody),
      responses: { 200: replyOf('At most 100 leads, earliest first', leadsReply) },
    }),
  },
  '/api/v1/leads/{id}': {
    get: operation('One lead', { parameters: idPath, responses: { 200: replyOf('The lead', leadReply) } }),
    patch: operation('Change a lead’s status', {
      parameters: idPath,
      requestBody: jsonBody(leadChangeBody),
      responses: { 200: replyOf('The lead as it is now', leadReply) },
    }),
  },
};

const salePaths = {
  '/api/v1/leads/{id}/opportunities': {
    post: operation('Open an opportunity', {
      parameters: idPath,
      requestBody: jsonBody(opportunityBody),
      responses: { 201: created },
    }),
  },
  '/api/v1/leads/{id}/sales': {
    post: operation('Record a sale; a refund is a negative amount', {
      parameters: idPath,
      requestBody: jsonBody(saleBody),
      responses: { 201: created, 409: { description: 'A sale with this reference stands already' } },
    }),
  },
  '/api/v1/sales/{id}': {
    delete: operation('Void a sale: it stays on record and leaves every figure', {
      parameters: idPath,
      responses: { 204: { description: 'Voided, now or before' } },
    }),
  },
};

/** The JSON API: what stands under /api/v1, and the addresses that the product's pages share. Bodies come from the very schemas that check them. */
export function openapi(publicUrl: string, ruleBody: z.ZodType): object {
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
      ...leadPaths,
      ...salePaths,
      '/api/v1/sync-runs': {
        post: operation('Sync now: today and the two days before', {
          responses: { 202: { description: 'Started, or running already' } },
        }),
      },
      ...marketingPaths(ruleBody),
    },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        adminToken: { type: 'apiKey', in: 'header', name: 'X-Admin-Token' },
      },
      schemas: {
        Error: schemaOf(
          z.object({
            error: z.object({
              code: z.string(),
              message: z.string(),
              todo: z.string().describe('What to do about it'),
              problems: z.array(z.string()).optional().describe('The fields that are wrong, and how'),
              reference: z.string().describe('Names this request in our logs'),
            }),
          }),
        ),
      },
    },
  };
}

export const openapiRoutes = (publicUrl: string, ruleBody: z.ZodType): Route[] => [
  {
    method: 'get',
    path: '/api/v1/openapi.json',
    access: 'public',
    handler: (_req: Request, res: Response) => void res.json(openapi(publicUrl, ruleBody)),
  },
];
