import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Sellers } from '../adapters/postgres/sellers.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface SellerDeps {
  sellers: Sellers;
  live: LiveUpdates;
  /** Mails the lead's seller that it is theirs now. */
  tellSeller: (tenantId: number, leadId: string) => Promise<unknown>;
}

/** Who looks after which lead, by hand or in turn. */
export const sellerRoutes = (deps: SellerDeps): Route[] => [
  {
    method: 'get',
    path: '/crm/sellers',
    access: 'person',
    accessName: 'list_sellers',
    handler: async (req, res) => {
      const sellers = await deps.sellers.list(callerOf(req).tenantId);
      renderPage(req, res, 'sellers/page', {
        title: translator(req)('sellers:title'),
        section: 'sellers',
        sellers,
        inTurn: sellers.filter((seller) => seller.takes_turns).length,
      });
    },
  },
  {
    method: 'post',
    path: '/crm/sellers/turns',
    access: 'person',
    body: 'form',
    handler: (req, res) => setTurns(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/seller',
    access: 'person',
    body: 'form',
    handler: (req, res) => assign(req, res, deps),
  },
];

async function setTurns(req: Request, res: Response, { sellers }: SellerDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const chosen = z
    .union([z.array(z.uuid()), z.uuid().transform((id) => [id])])
    .safeParse((req.body as Record<string, unknown>)['user_id'] ?? []);
  if (!chosen.success) throw new AppError('invalid', 'no such seller');
  await sellers.setTurns(tenantId, chosen.data, actor);
  res.redirect(303, '/crm/sellers');
}

async function assign(req: Request, res: Response, { sellers, live, tellSeller }: SellerDeps): Promise<void> {
  const { tenantId, userId, actor } = callerOf(req);
  const leadId = z.uuid().safeParse(req.params['id']);
  if (!leadId.success) throw new AppError('not_found', 'no such lead');
  const sellerId = z
    .uuid()
    .nullable()
    .safeParse(fields(req)['seller_id'] || null);
  if (!sellerId.success) throw new AppError('invalid', 'no such seller');
  const isNew = await sellers.assign(tenantId, leadId.data, sellerId.data, actor);
  const isForAnother = sellerId.data !== null && sellerId.data !== userId;
  if (isNew && isForAnother) tellSeller(tenantId, leadId.data).catch(() => {}); // it stands in their list all the same
  live.publish(tenantId, 'leads');
  res.redirect(303, `/crm/leads/${leadId.data}`);
}
