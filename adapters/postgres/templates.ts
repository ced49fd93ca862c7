import { sql } from 'slonik';
import { z } from 'zod';
import type { Actor } from '../../domain/actor.ts';
import type { Database } from './pool.ts';
import { audited } from './system-events.ts';

export interface TemplateCopy {
  wabaId: string;
  name: string;
  language: string;
  category: string;
  status: string;
  quality: string | null;
  metaTemplateId: string | null;
  components: readonly Record<string, unknown>[];
}

const templateRow = z.object({
  id: z.string(),
  meta_template_id: z.string(),
  name: z.string(),
  category: z.string(),
  language: z.string(),
  status: z.string().nullable(),
  quality: z.string().nullable(),
  components: z.array(z.record(z.string(), z.unknown())),
});

/** Copies of the WhatsApp templates, as YCloud last showed them. */
export function createTemplates({ inTenant }: Pick<Database, 'inTenant'>) {
  return {
    listForTenant: (tenantId: number, status?: string) =>
      inTenant(tenantId, (tx) =>
        tx.any(sql.type(templateRow)`
          SELECT id, meta_template_id, name, category, language, status, quality, components FROM meta_templates
          WHERE tenant_id = ${tenantId} AND ${status === undefined ? sql.fragment`true` : sql.fragment`status = ${status}`} ORDER BY name, language LIMIT 1000`),
      ),
    /** One multi-row upsert; a template not yet known to Meta has an id of its own. */
    saveCopies: (tenantId: number, copies: readonly TemplateCopy[], actor: Actor): Promise<void> =>
      inTenant(tenantId, async (tx) => {
        if (copies.length === 0) return;
        const rows = copies.map((copy) => [
          tenantId,
          copy.metaTemplateId ?? `ycloud:${copy.wabaId}:${copy.name}:${copy.language}`,
          copy.wabaId,
          copy.name,
          copy.language,
          copy.category,
          copy.status,
          copy.quality,
          JSON.stringify(copy.components),
        ]);
        await tx.query(sql.unsafe`
          INSERT INTO meta_templates (tenant_id, meta_template_id, waba_id, name, language, category, status, quality, components)
          SELECT * FROM ${sql.unnest(rows, ['int4', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'jsonb'])}
          ON CONFLICT (tenant_id, waba_id, name, language) DO UPDATE SET meta_template_id = excluded.meta_template_id, category = excluded.category,
            status = excluded.status, quality = excluded.quality, components = excluded.components, synced_at = now(), updated_at = now()`);
        await audited(tx, { tenantId, name: 'templates.copied', actor, details: { count: copies.length } });
      }),
  };
}
export type Templates = ReturnType<typeof createTemplates>;
