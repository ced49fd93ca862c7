import type { Request, Response } from 'express';
import type { ErasureRequests } from '../adapters/postgres/erasure-requests.ts';
import { AppError } from '../domain/error.ts';
import { doneAt } from './flash.ts';
import { fields } from './lead-forms.ts';
import { type LeadDeps, leadIdOf, showLead } from './leads.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadErasureDeps extends LeadDeps {
  erasureRequests: ErasureRequests;
  /** Lets runs look again. Never throws: their own timers do it too. */
  wake: (workflowIds: readonly string[]) => Promise<void>;
}

/** Erasing one person who asked for it. The lead's page asks whether it is meant (`?erase`); a ticked box is the answer. */
export const leadErasureRoutes = (deps: LeadErasureDeps): Route[] => [
  {
    method: 'post',
    path: '/crm/leads/:id/erasure',
    access: 'person',
    body: 'form',
    handler: (req, res) => erase(req, res, deps),
  },
];

async function erase(req: Request, res: Response, deps: LeadErasureDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  if (fields(req)['confirmed'] !== 'yes') return showLead(req, res, deps, { erasure: { error: 'unconfirmed' } });
  try {
    void deps.wake(await deps.erasureRequests.erase(tenantId, leadIdOf(req), actor));
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    return showLead(req, res, deps, { erasure: { error: 'leaving' } });
  }
  await deps.invalidateFigures(tenantId);
  deps.live.publish(tenantId, 'leads');
  doneAt(res, '/crm/leads', 'personErased');
}
