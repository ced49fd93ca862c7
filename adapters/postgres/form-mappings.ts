import { sql } from 'slonik';
import { z } from 'zod';
import { type Actor, system } from '../../domain/actor.ts';
import { AppError } from '../../domain/error.ts';
import { type FormMapping, type MappingTarget, mappingTargets } from '../../domain/form-mapping.ts';
import { mergeIntoKnown } from './lead-merges.ts';
import type { Database, Tx } from './pool.ts';
import { audited } from './system-events.ts';

const questions = z.array(
  z.object({
    key: z.string(),
    label: z.string(),
    type: z.string(),
    options: z.array(z.object({ key: z.string(), value: z.string() })),
  }),
);
const chosen = z.record(z.string(), z.enum(mappingTargets));
const answers = z.array(z.object({ name: z.string(), values: z.array(z.string()) }));
/** What a form asks, and what a person decided that it means; `mappingOf` reads the second. */
export const mappingColumns = z.object({ questions, chosen });
const readingRow = z.object({ country: z.string(), questions: questions.nullable(), chosen });
const listRow = z.object({
  form_id: z.string(),
  name: z.string(),
  status: z.string(),
  page_name: z.string(),
  questions,
  chosen,
  is_new: z.boolean(),
  leads: z.number(),
});
export type MappedForm = z.output<typeof listRow>;
const formRow = listRow.extend({
  country: z.string(),
  last_submission: answers.nullable(),
  last_at: z.date().nullable(),
});
const submissionRow = z.object({ id: z.string(), field_data: answers });

/** Who a submission says the person is. */
export interface ReadPerson {
  fullName: string | null;
  email: string | null;
  /** E.164 or null. */
  phone: string | null;
  answers: readonly { name: string; values: readonly string[] }[];
}

const MOST_FORMS = 500;
const MOST_APPLIED = 2000;

/** What each form's questions mean in this tenant. */
export function createFormMappings({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    /** What is needed to read a submission: the tenant's country, and the form where it is known. */
    forReading: (
      tenantId: number,
      formId: string | null,
    ): Promise<{ country: string; isKnown: boolean; mapping: FormMapping }> =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.one(sql.type(readingRow)`
          SELECT t.country, f.questions, ${mappingOf(tenantId)} AS chosen
          FROM tenants t LEFT JOIN lead_forms f ON f.tenant_id = t.id AND f.form_id = ${formId} WHERE t.id = ${tenantId}`);
        const mapping = { questions: row.questions ?? [], chosen: row.chosen };
        return { country: row.country, isKnown: row.questions !== null && row.questions.length > 0, mapping };
      }),

    /** The forms of the connected pages, those that nobody looked at first. */
    list: (tenantId: number): Promise<readonly MappedForm[]> =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(listRow)`
          SELECT ${listColumns(tenantId)} ${formsOf(tenantId)} AND p.subscribed_at IS NOT NULL
          ORDER BY f.mapped_at IS NULL DESC, f.status, f.name, f.form_id LIMIT ${MOST_FORMS}`),
      ),

    /** One form with its newest submission. @throws {AppError} `not_found` */
    byId: (tenantId: number, formId: string) =>
      inTenant(tenantId, async (tx) => {
        const row = await tx.maybeOne(sql.type(formRow)`
          SELECT ${listColumns(tenantId)}, n.country, s.field_data AS last_submission, s.at AS last_at
          ${formsOf(tenantId)} AND f.form_id = ${formId}`);
        if (row === null) throw new AppError('not_found', 'no such form');
        return row;
      }),

    /** Keeps what was decided, all of it. */
    save: (
      tenantId: number,
      formId: string,
      targets: ReadonlyMap<string, MappingTarget>,
      actor: Actor,
    ): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        await tx.query(sql.unsafe`DELETE FROM form_mappings WHERE tenant_id = ${tenantId} AND form_id = ${formId}`);
        await tx.query(sql.unsafe`
          INSERT INTO form_mappings (tenant_id, form_id, question_key, target)
          SELECT ${tenantId}, ${formId}, key, target FROM ${sql.unnest([...targets], ['text', 'text'])} AS given (key, target)`);
        await tx.query(sql.unsafe`
          UPDATE lead_forms SET mapped_at = now() WHERE tenant_id = ${tenantId} AND form_id = ${formId}`);
        await audited(tx, {
          tenantId,
          name: 'form.mapped',
          actor,
          object: { type: 'lead_form', id: formId },
          details: { targets: [...new Set(targets.values())].sort() },
        });
      }),

    /**
     * Reads the form's newest leads anew. What a new reading leaves empty stays as it was; who turns out to be somebody known goes into their lead. Gives
     * how many leads changed.
     */
    apply: (
      tenantId: number,
      formId: string,
      read: (submission: z.output<typeof answers>) => ReadPerson,
      actor: Actor,
    ): Promise<number> =>
      inTenant(tenantId, async (tx) => {
        const submissions = await tx.any(sql.type(submissionRow)`
          SELECT id, field_data FROM leads
          WHERE tenant_id = ${tenantId} AND form_id = ${formId} AND field_data IS NOT NULL ORDER BY created_at DESC LIMIT ${MOST_APPLIED} FOR UPDATE`);
        const tuples = submissions.map(({ id, field_data }) => {
          const { fullName, email, phone, answers } = read(field_data);
          return [id, fullName, email, phone, JSON.stringify(answers)];
        });
        const changed = await rewrite(tx, tenantId, tuples);
        const object = { type: 'lead_form', id: formId };
        await audited(tx, { tenantId, name: 'form.applied', actor, object, details: { leads: changed.length } });
        for (const id of changed)
          await audited(tx, {
            tenantId,
            name: 'lead.reread',
            actor: system('form-mapping'),
            object: { type: 'lead', id },
          });
        // The newest first, so that the earliest of several stays.
        for (const { id } of submissions) if (changed.includes(id)) await mergeIntoKnown(tx, tenantId, id);
        return changed.length;
      }),
  };
}
export type FormMappings = ReturnType<typeof createFormMappings>;

const rewrite = (tx: Tx, tenantId: number, tuples: (string | null)[][]): Promise<readonly string[]> =>
  tx.anyFirst(sql.type(z.object({ id: z.string() }))`
    UPDATE leads l SET full_name = coalesce(g.full_name, l.full_name), email = coalesce(g.email, l.email), phone = coalesce(g.phone, l.phone),
      answers = g.answers, updated_at = now()
    FROM ${sql.unnest(tuples, ['uuid', 'text', 'text', 'text', 'jsonb'])} AS g (id, full_name, email, phone, answers)
    WHERE l.tenant_id = ${tenantId} AND l.id = g.id
      AND (coalesce(g.full_name, l.full_name), coalesce(g.email, l.email), coalesce(g.phone, l.phone), g.answers)
        IS DISTINCT FROM (l.full_name, l.email, l.phone, l.answers)
    RETURNING l.id`);

export const mappingOf = (tenantId: number) => sql.fragment`
  coalesce((SELECT jsonb_object_agg(m.question_key, m.target) FROM form_mappings m WHERE m.tenant_id = ${tenantId} AND m.form_id = f.form_id), '{}')`;

const listColumns = (tenantId: number) => sql.fragment`
  f.form_id, f.name, f.status, p.name AS page_name, f.questions, ${mappingOf(tenantId)} AS chosen, f.mapped_at IS NULL AS is_new,
  (SELECT count(*) FROM leads l WHERE l.tenant_id = f.tenant_id AND l.form_id = f.form_id) AS leads`;

const formsOf = (tenantId: number) => sql.fragment`
  FROM lead_forms f
  JOIN pages p ON p.tenant_id = f.tenant_id AND p.page_id = f.page_id
  JOIN tenants n ON n.id = f.tenant_id
  LEFT JOIN LATERAL (SELECT l.field_data, l.arrived_at AS at FROM leads l
    WHERE l.tenant_id = f.tenant_id AND l.form_id = f.form_id AND l.field_data IS NOT NULL AND NOT l.is_test ORDER BY l.created_at DESC LIMIT 1) s ON true
  WHERE f.tenant_id = ${tenantId}`;
