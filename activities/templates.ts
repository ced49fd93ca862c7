import type { Credentials } from '../adapters/postgres/credentials.ts';
import type { Senders } from '../adapters/postgres/senders.ts';
import type { TemplateCopy, Templates } from '../adapters/postgres/templates.ts';
import type { NewTemplate, YCloud, YCloudTemplate } from '../adapters/ycloud/client.ts';
import { type Actor, system } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import type { LiveUpdates } from '../domain/live.ts';

export interface TemplateDeps {
  templates: Pick<Templates, 'asked' | 'saveWhole' | 'saveCopies' | 'noteCreated'>;
  senders: Pick<Senders, 'listForTenant'>;
  credentials: Pick<Credentials, 'ycloudKey'>;
  ycloud: Pick<YCloud, 'templates' | 'createTemplate'>;
  live: LiveUpdates;
}

/** Copying templates from YCloud and sending new ones to review. Used by the dispatcher of both programs and by the page. */
export function createTemplateDesk({ templates, senders, credentials, ycloud, live }: TemplateDeps) {
  return {
    /** Reads the templates of the tenant's accounts again. Throws what YCloud throws, `misconfigured` without a key. */
    async copy(tenantId: number): Promise<void> {
      await templates.asked(tenantId);
      const wabaIds = new Set((await senders.listForTenant(tenantId)).map((sender) => sender.waba_id));
      if (wabaIds.size === 0) return;
      const key = await credentials.ycloudKey(tenantId);
      for (const wabaId of wabaIds) {
        const copies = (await ycloud.templates(key, wabaId)).map(copyOf);
        await templates.saveWhole(tenantId, wabaId, copies, system('template-sync'));
      }
      live.publish(tenantId, 'messages');
    },

    /** Sends a new template of the number in use to Meta's review. Throws `conflict` when there is one of that name and language, `misconfigured` without a number. */
    async create(tenantId: number, draft: Omit<NewTemplate, 'wabaId'>, actor: Actor): Promise<void> {
      const sender = (await senders.listForTenant(tenantId)).find(({ is_default }) => is_default);
      if (!sender) throw new AppError('misconfigured', 'no WhatsApp number is chosen');
      const key = await credentials.ycloudKey(tenantId);
      const made = await ycloud.createTemplate(key, { ...draft, wabaId: sender.waba_id });
      await templates.saveCopies(tenantId, [copyOf(made)], actor);
      await templates.noteCreated(tenantId, draft.name, actor);
    },
  };
}
export type TemplateDesk = ReturnType<typeof createTemplateDesk>;

const copyOf = (template: YCloudTemplate): TemplateCopy => ({
  ...template,
  quality: template.qualityRating ?? null,
  metaTemplateId: template.officialTemplateId ?? null,
});
