import type { Request, Response } from 'express';
import { z } from 'zod';
import type { LeadEntries, NewLead } from '../adapters/postgres/lead-entries.ts';
import type { Users } from '../adapters/postgres/users.ts';
import { AppError } from '../domain/error.ts';
import { isEmail } from '../domain/lead-import.ts';
import type { LiveUpdates } from '../domain/live.ts';
import { translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface LeadEntryDeps {
  leadEntries: LeadEntries;
  users: Pick<Users, 'listForTenant'>;
  normalizePhone: (typed: string, country: string) => string | null;
  invalidateFigures: (tenantId: number) => Promise<void>;
  live: LiveUpdates;
}

/** A lead typed by hand. Its addresses come before those of one lead. */
export const leadEntryRoutes = (deps: LeadEntryDeps): Route[] => [
  { method: 'get', path: '/crm/leads/new', access: 'person', handler: (req, res) => show(req, res, deps, {}) },
  { method: 'post', path: '/crm/leads', access: 'person', body: 'form', handler: (req, res) => add(req, res, deps) },
];

interface Typed {
  values?: Record<string, string>;
  errors?: Record<string, string>;
  knownId?: string;
}

async function show(req: Request, res: Response, deps: LeadEntryDeps, typed: Typed): Promise<void> {
  const { tenantId } = callerOf(req);
  const { values = {}, errors = {}, knownId } = typed;
  const isRefused = Object.keys(errors).length > 0 || knownId !== undefined;
  renderPage(
    req,
    res,
    'leads/new',
    {
      title: translator(req)('leads:new.title'),
      section: 'leads',
      campaigns: await deps.leadEntries.campaigns(tenantId),
      sellers: await deps.users.listForTenant(tenantId),
      values,
      errors,
      knownId,
    },
    { status: isRefused ? 422 : 200 },
  );
}

async function add(req: Request, res: Response, deps: LeadEntryDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const values = fields(req);
  const country = await deps.leadEntries.country(tenantId);
  const { lead, errors } = leadOf(values, (typed) => deps.normalizePhone(typed, country), translator(req));
  if (lead === undefined) return show(req, res, deps, { values, errors });
  const { leadId, isNew } = await deps.leadEntries.add(tenantId, lead, actor);
  if (!isNew) return show(req, res, deps, { values, knownId: leadId });
  await deps.invalidateFigures(tenantId);
  deps.live.publish(tenantId, 'leads');
  res.redirect(303, `/crm/leads/${leadId}`);
}

/** The lead that was typed, or what is wrong, in words, by field. */
function leadOf(
  values: Record<string, string>,
  normalizePhone: (typed: string) => string | null,
  t: (key: string) => string,
): { lead?: NewLead; errors: Record<string, string> } {
  const typed = (name: string, most: number) => {
    const text = values[name]?.trim() ?? '';
    return text.length > most ? undefined : text || null;
  };
  const [name, email, phoneTyped, consent] = [
    typed('name', 200),
    typed('email', 254),
    typed('phone', 40),
    typed('consent', 1000),
  ];
  const phone = phoneTyped == null ? phoneTyped : (normalizePhone(phoneTyped) ?? undefined);
  const seller = z
    .uuid()
    .nullable()
    .safeParse(values['seller_id'] || null);
  const campaign = z
    .string()
    .regex(/^\d{1,40}$/)
    .nullable()
    .safeParse(values['campaign_id'] || null);
  const errors = {
    ...(name === undefined ? { name: t('leads:new.errors.name') } : {}),
    ...(phone === undefined ? { phone: t('leads:new.errors.phone') } : {}),
    ...(phone === null && email === null ? { phone: t('leads:new.errors.contact') } : {}),
    ...(email === undefined || (email !== null && !isEmail(email)) ? { email: t('leads:new.errors.email') } : {}),
    ...(consent === undefined ? { consent: t('leads:new.errors.consent') } : {}),
  };
  if (!seller.success || !campaign.success) throw new AppError('invalid', 'no such seller or campaign');
  const isWhole = name !== undefined && phone !== undefined && email !== undefined && consent !== undefined;
  if (!isWhole || Object.keys(errors).length > 0) return { errors };
  const person = { fullName: name, phone, email: email?.toLowerCase() ?? null, consent };
  return { lead: { ...person, sellerId: seller.data, campaignId: campaign.data }, errors };
}
