import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { type Identity, samePerson } from '../../domain/identity.ts';
import type { ImportError, PersonLine } from '../../domain/lead-import.ts';
import type { Database, Tx } from './pool.ts';
import { giveInTurn } from './sellers.ts';
import { audited } from './system-events.ts';

const idRow = z.object({ id: z.string() });
const identityRow = z.object({ id: z.string(), phone: z.string().nullable(), email: z.string().nullable() });
const errors = z.array(z.object({ line: z.number(), code: z.string() }));
const importRow = z.object({
  id: z.string(),
  added: z.number(),
  known: z.number(),
  errors,
  created_at: z.date(),
  user_name: z.string().nullable(),
});
export type LeadImport = z.output<typeof importRow>;

export interface NewLead {
  fullName: string | null;
  /** E.164. */
  phone: string | null;
  email: string | null;
  campaignId: string | null;
  sellerId: string | null;
  /** What the person agreed to, in the words of whoever typed it. */
  consent: string | null;
}

/** Leads that no form brought: typed by hand, or out of a file. Nobody is messaged because of them. */
export function createLeadEntries({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    country: (tenantId: number): Promise<string> =>
      inTenant(tenantId, (tx) =>
        tx.oneFirst(sql.type(z.object({ country: z.string() }))`SELECT country FROM tenants WHERE id = ${tenantId}`),
      ),

    /** The campaigns a lead may have come from, running ones first. */
    campaigns: (tenantId: number) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(z.object({ id: z.string(), name: z.string() }))`
          SELECT meta_campaign_id AS id, name FROM meta_ads_campaigns WHERE tenant_id = ${tenantId}
          ORDER BY status = 'ACTIVE' DESC, name, meta_campaign_id LIMIT 200`),
      ),

    /** Adds the lead, unless the person is known: then gives theirs. @throws {AppError} `invalid` for a seller or campaign that is not here */
    add: (tenantId: number, lead: NewLead, actor: Actor): Promise<{ leadId: string; isNew: boolean }> =>
      inTenant(tenantId, async (tx) => {
        const [known] = await knownAmong(tx, tenantId, [lead]);
        if (known != null) return { leadId: known, isNew: false };
        await mustBeHere(tx, tenantId, lead);
        const [leadId = ''] = await insertLeads(tx, tenantId, [lead], { source: 'manual', importId: null });
        const { campaignId, sellerId, consent } = lead;
        await tx.query(sql.unsafe`
          UPDATE lead_touches t SET meta_campaign_id = c.meta_campaign_id, ad_account_id = c.meta_account_id FROM meta_ads_campaigns c
          WHERE t.tenant_id = ${tenantId} AND t.lead_id = ${leadId} AND c.tenant_id = ${tenantId} AND c.meta_campaign_id = ${campaignId}`);
        if (consent !== null)
          await tx.query(sql.unsafe`
            INSERT INTO consents (tenant_id, lead_id, key, text, is_given, answered_at) VALUES (${tenantId}, ${leadId}, 'manual', ${consent}, true, now())`);
        const object = { type: 'lead', id: leadId };
        await audited(tx, { tenantId, name: 'lead.added', actor, object, details: { campaignId, sellerId } });
        if (sellerId === null) await giveInTurn(tx, tenantId, leadId);
        else
          await tx.query(
            sql.unsafe`UPDATE leads SET seller_id = ${sellerId} WHERE tenant_id = ${tenantId} AND id = ${leadId}`,
          );
        return { leadId, isNew: true };
      }),

    /** Which of these people are known: for each line the lead's id, or null. Lines that repeat an earlier one are known too, by ''. */
    known: (tenantId: number, lines: readonly PersonLine[]): Promise<(string | null)[]> =>
      inTenant(tenantId, (tx) => knownAmong(tx, tenantId, lines)),

    /** Adds the people who are not known, all or none of them, and keeps what became of the file. */
    importAll: (
      tenantId: number,
      { lines, errors }: { lines: readonly PersonLine[]; errors: readonly ImportError[] },
      actor: Actor,
    ): Promise<{ id: string; added: number }> =>
      inTenant(tenantId, async (tx) => {
        const known = await knownAmong(tx, tenantId, lines);
        const fresh = lines.filter((_, i) => known[i] === null);
        const { id } = await tx.one(sql.type(idRow)`
          INSERT INTO lead_imports (tenant_id, user_id, added, known, errors)
          VALUES (${tenantId}, ${actor.type === 'user' ? actor.id : null}, ${fresh.length}, ${lines.length - fresh.length}, ${sql.jsonb(errors as never)})
          RETURNING id`);
        const leadIds = await insertLeads(tx, tenantId, fresh, { source: 'import', importId: id });
        const object = { type: 'lead_import', id };
        await audited(tx, { tenantId, name: 'leads.imported', actor, object, details: { added: fresh.length } });
        for (const leadId of leadIds) {
          await audited(tx, {
            tenantId,
            name: 'lead.added',
            actor,
            object: { type: 'lead', id: leadId },
            details: { importId: id },
          });
          await giveInTurn(tx, tenantId, leadId);
        }
        return { id, added: fresh.length };
      }),

    /** @throws {AppError} `not_found` */
    importById: (tenantId: number, importId: string): Promise<LeadImport> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(importRow)`
          SELECT i.id, i.added, i.known, i.errors, i.created_at, u.name AS user_name FROM lead_imports i
          LEFT JOIN users u ON u.tenant_id = i.tenant_id AND u.id = i.user_id WHERE i.tenant_id = ${tenantId} AND i.id = ${importId}`);
        if (row === null) throw new AppError('not_found', 'no such import');
        return row;
      }),
  };
}
export type LeadEntries = ReturnType<typeof createLeadEntries>;

type Person = Pick<PersonLine, 'phone' | 'email'>;

async function knownAmong(tx: Tx, tenantId: number, people: readonly Person[]): Promise<(string | null)[]> {
  const [phones, emails] = [people.flatMap(({ phone }) => phone ?? []), people.flatMap(({ email }) => email ?? [])];
  const rows = await tx.any(sql.type(identityRow)`
    SELECT coalesce(merged_into, id) AS id, phone, email FROM leads
    WHERE tenant_id = ${tenantId} AND NOT is_test AND (phone = ANY(${sql.array(phones, 'text')}) OR email = ANY(${sql.array(emails, 'text')}))
    ORDER BY created_at, id`);
  const byKey = new Map<string, Identity[]>();
  const remember = (one: Identity) => {
    for (const key of [one.phone, one.email]) if (key !== null) byKey.set(key, [...(byKey.get(key) ?? []), one]);
  };
  rows.forEach(remember);
  return people.map(({ phone, email }) => {
    const alike = [phone, email].flatMap((key) => (key === null ? [] : (byKey.get(key) ?? [])));
    const same = samePerson({ id: '-', phone, email }, alike);
    if (same === null) remember({ id: '', phone, email });
    return same?.id ?? null;
  });
}

async function mustBeHere(tx: Tx, tenantId: number, { sellerId, campaignId }: NewLead): Promise<void> {
  const isHere = await tx.oneFirst(sql.type(z.object({ here: z.boolean() }))`
    SELECT (${sellerId}::uuid IS NULL OR EXISTS (SELECT FROM users WHERE tenant_id = ${tenantId} AND id = ${sellerId} AND disabled_at IS NULL))
      AND (${campaignId}::text IS NULL OR EXISTS (SELECT FROM meta_ads_campaigns WHERE tenant_id = ${tenantId} AND meta_campaign_id = ${campaignId})) AS here`);
  if (!isHere)
    throw new AppError('invalid', 'no such seller or campaign', {
      problems: ['seller_id or meta_campaign_id: is unknown here'],
    });
}

/** The leads with a touch each; gives their ids. */
async function insertLeads(
  tx: Tx,
  tenantId: number,
  people: readonly (Person & { fullName: string | null; answers?: PersonLine['answers'] })[],
  { source, importId }: { source: 'manual' | 'import'; importId: string | null },
): Promise<readonly string[]> {
  const tuples = people.map(({ fullName, phone, email, answers = [] }) => [
    fullName,
    phone,
    email,
    JSON.stringify(answers),
  ]);
  const ids = await tx.anyFirst(sql.type(idRow)`
    INSERT INTO leads (tenant_id, source, full_name, phone, email, answers, import_id)
    SELECT ${tenantId}, ${source}, full_name, phone, email, answers, ${importId}
    FROM ${sql.unnest(tuples, ['text', 'text', 'text', 'jsonb'])} AS g (full_name, phone, email, answers)
    RETURNING id`);
  await tx.query(sql.unsafe`
    INSERT INTO lead_touches (tenant_id, lead_id, kind, touched_at)
    SELECT ${tenantId}, id, ${source}, now() FROM unnest(${sql.array([...ids], 'uuid')}) AS g (id)`);
  return ids;
}
