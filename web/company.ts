import type { Request, Response } from 'express';
import type { Settings } from '../adapters/postgres/settings.ts';
import { allCurrencies, readTenantSettings } from '../domain/tenant-settings.ts';
import { timeZones } from '../domain/time-zones.ts';
import { countryNames } from './countries.ts';
import { doneAt } from './flash.ts';
import { localeOf, translator } from './i18n.ts';
import { fields } from './lead-forms.ts';
import { renderPage } from './render.ts';
import { callerOf, type Route } from './route.ts';

export interface CompanyDeps {
  settings: Settings;
  /** Days and main currency are part of every figure. */
  invalidateFigures: (tenantId: number) => Promise<void>;
}

const PATH = '/crm/settings/company';

/** What a tenant decides for itself: zone, currency, quiet hours, caps. */
export const companyRoutes = (deps: CompanyDeps): Route[] => [
  {
    method: 'get',
    path: PATH,
    access: 'person',
    accessName: 'get_settings',
    handler: (req, res) => show(req, res, deps),
  },
  { method: 'post', path: PATH, access: 'person', body: 'form', handler: (req, res) => save(req, res, deps) },
];

interface Refused {
  values: Record<string, string>;
  quietDays: readonly number[];
  heedConsent: boolean;
  errors: Record<string, string>;
}

async function show(req: Request, res: Response, { settings }: CompanyDeps, refused?: Refused): Promise<void> {
  const { quietDays, heedConsent, ...stored } = await settings.forTenant(callerOf(req).tenantId);
  const texts = Object.entries(stored).map(([name, value]) => [name, value === null ? '' : String(value)]);
  const props = {
    title: translator(req)('settings:company.title'),
    section: 'settings',
    tab: 'company',
    quietDays,
    heedConsent,
    errors: {},
    ...refused,
    values: { ...Object.fromEntries(texts), ...refused?.values },
    timeZones: [...new Set([stored.timeZone, ...timeZones])],
    currencies: allCurrencies,
    countries: countryNames(localeOf(req)),
  };
  renderPage(req, res, 'settings/company', props, { status: refused ? 422 : 200 });
}

async function save(req: Request, res: Response, deps: CompanyDeps): Promise<void> {
  const { tenantId, actor } = callerOf(req);
  const t = translator(req);
  const values = fields(req);
  const given = (req.body as { quietDays?: unknown }).quietDays ?? [];
  const quietDays = [given].flat().map(Number);
  const heedConsent = values['heedConsent'] === 'on';
  const { settings, wrong } = readTenantSettings({ ...values, quietDays, heedConsent });
  if (!settings) {
    const errors = Object.fromEntries([...wrong].map((name) => [name, t(`settings:company.errors.${name}`)]));
    return show(req, res, deps, { values, quietDays, heedConsent, errors });
  }
  await deps.settings.save(tenantId, settings, actor);
  await deps.invalidateFigures(tenantId);
  doneAt(res, PATH, 'settingsSaved');
}
