import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Leads } from '../adapters/postgres/leads.ts';
import type { LeadWorkflows } from '../adapters/temporal/leads.ts';
import { AppError } from '../domain/error.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadCaptureDeps {
  leads: Pick<Leads, 'maybeUncaptured'>;
  startIntake: LeadWorkflows['startIntake'];
}

/** Reading a lead again that Meta did not give: sooner than the hour after which it is tried by itself. */
export const leadCaptureRoutes = (deps: LeadCaptureDeps): Route[] => [
  {
    method: 'post',
    path: '/crm/leads/:id/captures',
    access: 'person',
    body: 'form',
    handler: (req, res) => tryAgain(req, res, deps),
  },
];

/** One that is here by now needs nothing. @throws {AppError} `unavailable` while Temporal is down */
async function tryAgain(req: Request, res: Response, { leads, startIntake }: LeadCaptureDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const leadId = z.uuid().safeParse(req.params['id']);
  if (!leadId.success) throw new AppError('not_found', 'no such lead');
  const waiting = await leads.maybeUncaptured(tenantId, leadId.data);
  if (waiting !== null) await startIntake({ tenantId, ...waiting, receivedAt: Date.now() });
  res.redirect(303, `/crm/leads/${leadId.data}`);
}
