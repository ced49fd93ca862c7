import { randomBytes } from 'node:crypto';
import { sql } from 'slonik';
import { createTokens } from '../../adapters/crypto/jwt.ts';
import { hashPassword } from '../../adapters/crypto/passwords.ts';
import type { Database } from '../../adapters/postgres/pool.ts';
import { createRules, type NewRule } from '../../adapters/postgres/rules.ts';
import { createSenders } from '../../adapters/postgres/senders.ts';
import { createTemplates, type TemplateCopy } from '../../adapters/postgres/templates.ts';
import { createTenant } from '../../adapters/postgres/tenants.ts';
import { system } from '../../domain/actor.ts';
import { sha256 } from '../../web/secrets.ts';

export interface DemoTenant {
  id: number;
  name: string;
  email: string;
  password: string;
  adminToken: string;
  jwt: string;
}

export interface TenantPlan {
  name: string;
  person: string;
  email: string;
  zone: string;
  country: string;
  currency: string;
}

/** Makes a tenant whose quiet hours are off, whose caps a walk cannot reach, and whose rule meets every lead, whatever boxes of its form were ticked. */
export async function seedTenant(owner: Database, jwtSecret: string, plan: TenantPlan): Promise<DemoTenant> {
  const password = `demo-${randomBytes(6).toString('base64url')}`;
  const adminToken = `hub_admin_${randomBytes(18).toString('base64url')}`;
  const { tenantId, userId } = await createTenant(owner, {
    name: plan.name,
    country: plan.country,
    timeZone: plan.zone,
    currency: plan.currency,
    user: { name: plan.person, email: plan.email, passwordHash: await hashPassword(password) },
    adminKeyHash: sha256(adminToken),
    adminKeyLastFour: adminToken.slice(-4),
  });
  await owner.inTenant(tenantId, (tx) =>
    tx.query(sql.unsafe`UPDATE tenants SET template_cap = 1000, heed_consent = false WHERE id = ${tenantId}`),
  );
  const jwt = await createTokens(jwtSecret).issue({ userId, tenantId }, '48 hours');
  return { id: tenantId, name: plan.name, email: plan.email, password, adminToken, jwt };
}

interface SimulatedWaba {
  wabas: { id: string }[];
  phones: { wabaId: string; phoneNumber: string; status: string; qualityRating: string }[];
  templates: (Omit<TemplateCopy, 'quality' | 'metaTemplateId'> & {
    qualityRating: string;
    officialTemplateId: string;
  })[];
}

/** Gives the tenant the `place`-th simulated WhatsApp account with its templates, and the rule "new lead → template". */
export async function seedWhatsapp(
  app: Database,
  ycloudSimUrl: string,
  tenantId: number,
  place: number,
  { rule }: { rule: boolean },
): Promise<void> {
  const world = (await (await fetch(`${ycloudSimUrl}/_control/world`)).json()) as SimulatedWaba;
  const waba = world.wabas[place % world.wabas.length];
  const phone = world.phones.find((each) => each.wabaId === waba?.id);
  if (!waba || !phone) throw new Error('the YCloud simulator has no account');
  const seeder = system('seed');
  await createSenders(app).choose(
    tenantId,
    { wabaId: waba.id, phone: phone.phoneNumber, status: phone.status, quality: phone.qualityRating },
    seeder,
  );
  const templates = world.templates.filter((template) => template.wabaId === waba.id);
  await createTemplates(app).saveCopies(
    tenantId,
    templates.map((template) => ({
      ...template,
      quality: template.qualityRating,
      metaTemplateId: template.officialTemplateId,
    })),
    seeder,
  );
  if (!rule) return;
  await createRules(app).create(tenantId, welcomeRule, seeder);
}

export const welcomeRule: NewRule = {
  name: 'Bienvenida a cada lead nuevo',
  trigger: 'new_lead',
  conditions: {},
  steps: [{ templateName: 'bienvenida_lead', language: 'es', variables: ['first_name'], waitMinutes: 0 }],
  dailyCap: null,
};
