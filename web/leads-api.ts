import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadEntries } from '../adapters/postgres/lead-entries.ts';
import type { LeadRecord, LeadRecords } from '../adapters/postgres/lead-records.ts';
import type { Actor } from '../domain/actor.ts';
import { type LeadStatus, leadStatuses } from '../domain/lead.ts';
import { isEmail } from '../domain/lead-import.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { leadIdOf } from './leads.ts';
import { bodyOf, invalid, queryOf } from './request-problems.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadsApiDeps {
  leadRecords: LeadRecords;
  leadEntries: Pick<LeadEntries, 'add' | 'country'>;
  normalizePhone: (typed: string, country: string) => string | null;
  changeStatus: (tenantId: number, leadId: string, status: LeadStatus, actor: Actor) => Promise<void>;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
}

const email = z.string().trim().max(254).refine(isEmail, 'is no e-mail address').toLowerCase();
const phone = z.string().trim().min(1).max(40);
const leadgenId = z.string().regex(/^\d{1,40}$/);
/** A moment that the database can hold: the years of four digits. */
const moment = z.iso.datetime({ offset: true }).refine((text) => {
  const year = new Date(text).getUTCFullYear();
  return year >= 1 && year <= 9999;
}, 'is no moment that can be kept');
const hasOne = (fields: object) => Object.values(fields).some((value) => value !== undefined);

export const leadsQuery = z.object({
  status: z.enum(leadStatuses).optional(),
  /** Leads that are here since this moment. */
  since: moment.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
});
export const leadSearchBody = z
  .object({ phone: phone.optional(), email: email.optional(), meta_leadgen_id: leadgenId.optional() })
  .strict()
  .refine(hasOne, 'names nothing to look for');
export const leadBody = z
  .object({
    full_name: z.string().trim().min(1).max(200).optional(),
    phone: phone.optional(),
    email: email.optional(),
    meta_campaign_id: leadgenId.optional(),
    seller_id: z.uuid().optional(),
    /** What the person agreed to, in their words. */
    consent: z.string().trim().min(1).max(1000).optional(),
  })
  .strict()
  .refine((body) => body.phone !== undefined || body.email !== undefined, 'needs a phone or an email');
export const leadChangeBody = z.object({ status: z.enum(leadStatuses) }).strict();
export const leadReply = z.object({
  id: z.uuid(),
  meta_leadgen_id: z.string().nullable(),
  source: z.enum(['meta', 'manual', 'import', 'whatsapp']),
  full_name: z.string().nullable(),
  /** E.164. */
  phone: z.string().nullable(),
  email: z.string().nullable(),
  status: z.enum(leadStatuses),
  seller_id: z.uuid().nullable(),
  is_test: z.boolean(),
  /** The lead that this submission went into. */
  merged_into: z.uuid().nullable(),
  form_id: z.string().nullable(),
  answers: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  meta_campaign_id: z.string().nullable(),
  ad_id: z.string().nullable(),
  submitted_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
});
export const leadsReply = z.object({ leads: z.array(leadReply), next_cursor: z.string().nullable() });

/** Leads for other programs. Who is looked for comes in a body: an address is no place for a phone. */
export const leadsApiRoutes = (deps: LeadsApiDeps): Route[] => [
  {
    method: 'get',
    path: '/api/v1/leads',
    access: 'tenant',
    accessName: 'list_leads',
    handler: (req, res) => list(req, res, deps),
  },
  {
    method: 'post',
    path: '/api/v1/leads',
    access: 'tenant',
    body: 'json',
    accessName: 'create_lead',
    handler: (req, res) => add(req, res, deps),
  },
  {
    method: 'post',
    path: '/api/v1/leads/searches',
    access: 'tenant',
    body: 'json',
    accessName: 'search_leads',
    handler: (req, res) => search(req, res, deps),
  },
  {
    method: 'get',
    path: '/api/v1/leads/:id',
    access: 'tenant',
    accessName: 'get_lead',
    handler: (req, res) => show(req, res, deps),
  },
  {
    method: 'patch',
    path: '/api/v1/leads/:id',
    access: 'tenant',
    body: 'json',
    accessName: 'change_lead',
    handler: (req, res) => change(req, res, deps),
  },
];

async function list(req: Request, res: Response, { leadRecords }: LeadsApiDeps): Promise<void> {
  const { status, since, limit, cursor } = queryOf(req, leadsQuery);
  const { leads, next } = await leadRecords.list(callerOf(req).tenantId, {
    status,
    since: since === undefined ? undefined : new Date(since),
    behind: cursor === undefined ? undefined : cursorOf(cursor),
    limit,
  });
  res.json({ leads: leads.map(leadJson), next_cursor: next && textOf(next) });
}

async function show(req: Request, res: Response, { leadRecords }: LeadsApiDeps): Promise<void> {
  res.json(leadJson(await leadRecords.byId(callerOf(req).tenantId, leadIdOf(req))));
}

async function search(req: Request, res: Response, deps: LeadsApiDeps): Promise<void> {
  const { tenantId } = callerOf(req);
  const wanted = bodyOf(req, leadSearchBody);
  const found = await deps.leadRecords.found(tenantId, {
    phone: wanted.phone === undefined ? null : await phoneOf(wanted.phone, tenantId, deps),
    email: wanted.email ?? null,
    leadgenId: wanted.meta_leadgen_id ?? null,
  });
  res.json({ leads: found.map(leadJson), next_cursor: null });
}

/** 201 with the new lead's id, 200 with that of a person who is known. Nobody is messaged because of it. */
async function add(req: Request, res: Response, deps: LeadsApiDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const body = bodyOf(req, leadBody);
  const lead = {
    fullName: body.full_name ?? null,
    phone: body.phone === undefined ? null : await phoneOf(body.phone, tenantId, deps),
    email: body.email ?? null,
    campaignId: body.meta_campaign_id ?? null,
    sellerId: body.seller_id ?? null,
    consent: body.consent ?? null,
  };
  const { leadId, isNew } = await deps.leadEntries.add(tenantId, lead, actor);
  if (isNew) {
    await deps.invalidateFigures(tenantId);
    deps.live.publish(tenantId, 'leads');
  }
  res.status(isNew ? 201 : 200).json({ id: leadId });
}

async function change(req: Request, res: Response, deps: LeadsApiDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const leadId = leadIdOf(req);
  const { status } = bodyOf(req, leadChangeBody);
  await deps.changeStatus(tenantId, leadId, status, actor);
  deps.live.publish(tenantId, 'leads');
  res.json(leadJson(await deps.leadRecords.byId(tenantId, leadId)));
}

/** @throws {AppError} `invalid` when it is no phone in the tenant's country */
async function phoneOf(typed: string, tenantId: number, deps: LeadsApiDeps): Promise<string> {
  const known = deps.normalizePhone(typed, await deps.leadEntries.country(tenantId));
  if (known === null) throw invalid(['phone: is no phone number']);
  return known;
}

const leadJson = ({ submitted_at, created_at, ...lead }: LeadRecord) => ({
  ...lead,
  submitted_at: submitted_at?.toISOString() ?? null,
  created_at: created_at.toISOString(),
});

const cursorParts = z.tuple([moment, z.uuid()]);
const textOf = ({ createdAt, id }: { createdAt: string; id: string }) =>
  Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');

/** @throws {AppError} `invalid` for what is no cursor of ours */
function cursorOf(text: string): { createdAt: string; id: string } {
  try {
    const [createdAt, id] = cursorParts.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { createdAt, id };
  } catch {
    throw invalid(['cursor: is none that an answer gave']);
  }
}
