import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Sales } from '../adapters/postgres/sales.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { fitsCurrency } from '../domain/sale.ts';
import { leadIdOf } from './leads.ts';
import { bodyOf } from './request-problems.ts';
import { callerOf, type Route } from './route.ts';

export interface SalesApiDeps {
  sales: Sales;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
}

const decimal = z.string().regex(/^-?\d{1,13}(\.\d{1,2})?$/, 'decimal text in major units');
const currency = z.string().regex(/^[A-Z]{3}$/);
const centsOf = (path: string) => ({ path: [path], message: 'has cents that its currency has not' });
export const opportunityBody = z
  .object({
    name: z.string().trim().min(1).max(200),
    value: decimal.refine((text) => !text.startsWith('-'), 'is negative'),
    currency,
  })
  .strict()
  .refine((body) => fitsCurrency(body.value, body.currency), centsOf('value'));
export const saleBody = z
  .object({
    amount: decimal.refine((text) => Number(text) !== 0, 'is nothing'),
    currency,
    sold_on: z.iso.date(),
    opportunity_id: z.uuid().optional(),
    /** The caller's own number of the sale: a second one with it is refused with 409. */
    reference: z.string().trim().min(1).max(200).optional(),
  })
  .strict()
  .refine((body) => fitsCurrency(body.amount, body.currency), centsOf('amount'));

/** Opportunities and sales for other programs. */
export const salesApiRoutes = (deps: SalesApiDeps): Route[] => [
  {
    method: 'post',
    path: '/api/v1/leads/:id/opportunities',
    access: 'tenant',
    body: 'json',
    accessName: 'create_opportunity',
    handler: (req, res) => openOpportunity(req, res, deps),
  },
  {
    method: 'post',
    path: '/api/v1/leads/:id/sales',
    access: 'tenant',
    body: 'json',
    accessName: 'create_sale',
    handler: (req, res) => recordSale(req, res, deps),
  },
  {
    method: 'delete',
    path: '/api/v1/sales/:id',
    access: 'tenant',
    accessName: 'void_sale',
    handler: (req, res) => voidSale(req, res, deps),
  },
];

/** A sale that was none: it stays on record and leaves every figure. */
async function voidSale(req: Request, res: Response, { sales, invalidateFigures, live }: SalesApiDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  await sales.voidSale(tenantId, leadIdOf(req), actor);
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
  res.status(204).end();
}

async function openOpportunity(
  req: Request,
  res: Response,
  { sales, invalidateFigures, live }: SalesApiDeps,
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const id = await sales.openOpportunity(tenantId, leadIdOf(req), bodyOf(req, opportunityBody), actor);
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
  res.status(201).json({ id });
}

async function recordSale(
  req: Request,
  res: Response,
  { sales, invalidateFigures, live }: SalesApiDeps,
): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const { amount, currency: code, sold_on, opportunity_id, reference } = bodyOf(req, saleBody);
  const id = await sales.recordSale(
    tenantId,
    leadIdOf(req),
    { amount, currency: code, soldOn: sold_on, opportunityId: opportunity_id, reference },
    actor,
  );
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
  res.status(201).json({ id });
}
