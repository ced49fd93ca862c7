import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadDistinctions } from '../adapters/postgres/lead-distinctions.ts';
import type { LeadDossiers } from '../adapters/postgres/lead-dossiers.ts';
import type { LeadMerges } from '../adapters/postgres/lead-merges.ts';
import { AppError } from '../domain/error.ts';
import { inWords } from '../domain/form-mapping.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { fields } from './lead-forms.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadIdentityDeps {
  leadMerges: LeadMerges;
  leadDistinctions: LeadDistinctions;
  live: LiveUpdates;
  /** Whose touches move changes the figures. */
  invalidateFigures: (tenantId: number) => Promise<void>;
}

/** Joining the leads of one person by hand, and taking them apart again. */
export const leadIdentityRoutes = (deps: LeadIdentityDeps): Route[] => [
  {
    method: 'post',
    path: '/crm/leads/:id/merges',
    access: 'person',
    body: 'form',
    handler: (req, res) => join(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/merges/:mergeId/separation',
    access: 'person',
    body: 'form',
    handler: (req, res) => separate(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/distinctions',
    access: 'person',
    body: 'form',
    handler: (req, res) => tellApart(req, res, deps),
  },
  {
    method: 'post',
    path: '/crm/leads/:id/distinctions/:otherId/removal',
    access: 'person',
    body: 'form',
    handler: (req, res) => forget(req, res, deps),
  },
];

/** What the lead's page shows of who else this person is. */
export function identityOf({ merges, others }: Awaited<ReturnType<LeadDossiers['byLead']>>) {
  return {
    lookalikes: others.filter((other) => !other.told_apart),
    distinct: others.filter((other) => other.told_apart),
    merges: merges.map(({ questions, ...merge }) => ({ ...merge, answers: inWords(merge.answers, questions) })),
  };
}

async function join(req: Request, res: Response, deps: LeadIdentityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const leadId = idIn(req.params['id']);
  await deps.leadMerges.join(tenantId, leadId, idIn(fields(req)['lead_id']), actor);
  await changed(deps, tenantId);
  res.redirect(303, `/crm/leads/${leadId}#identidad`);
}

/** Goes to the lead that was taken out, so that its owner sees what became of it. */
async function separate(req: Request, res: Response, deps: LeadIdentityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const [leadId, mergeId] = [idIn(req.params['id']), idIn(req.params['mergeId'])];
  const separated = await deps.leadMerges.separate(tenantId, leadId, mergeId, actor);
  await changed(deps, tenantId);
  res.redirect(303, `/crm/leads/${separated}`);
}

async function tellApart(req: Request, res: Response, { leadDistinctions, live }: LeadIdentityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const leadId = idIn(req.params['id']);
  await leadDistinctions.tellApart(tenantId, leadId, idIn(fields(req)['lead_id']), actor);
  live.publish(tenantId, 'leads');
  res.redirect(303, `/crm/leads/${leadId}#identidad`);
}

async function forget(req: Request, res: Response, { leadDistinctions, live }: LeadIdentityDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const leadId = idIn(req.params['id']);
  await leadDistinctions.forget(tenantId, leadId, idIn(req.params['otherId']), actor);
  live.publish(tenantId, 'leads');
  res.redirect(303, `/crm/leads/${leadId}#identidad`);
}

async function changed({ live, invalidateFigures }: LeadIdentityDeps, tenantId: number): Promise<void> {
  await invalidateFigures(tenantId);
  live.publish(tenantId, 'leads');
}

function idIn(value: unknown): string {
  const id = z.uuid().safeParse(value);
  if (!id.success) throw new AppError('not_found', 'no such lead');
  return id.data;
}
