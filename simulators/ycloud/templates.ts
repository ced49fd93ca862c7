import type { Account, Accounts } from './accounts.ts';
import { notFound, Refusal } from './errors.ts';
import type { Fields } from './message-content.ts';
import { filtered, paged } from './paging.ts';
import type { Settings } from './settings.ts';
import { checkedComponents, checkedTemplate } from './template-rules.ts';
import type { Webhooks } from './webhooks.ts';
import type { Template, World } from './world.ts';

const editable: ReadonlySet<string> = new Set(['APPROVED', 'REJECTED', 'PAUSED']);

export interface TemplateDeps {
  world: World;
  accounts: Accounts;
  webhooks: Webhooks;
  settings: Settings;
  iso: () => string;
}

export type Templates = ReturnType<typeof createTemplates>;

/** Templates and their life: created PENDING, approved a moment later, edited back into review. */
export function createTemplates({ world, accounts, webhooks, settings, iso }: TemplateDeps) {
  const reviews = new Set<NodeJS.Timeout>();
  let created = 0;

  const tell = (template: Template, type: string, more: Fields = {}) =>
    webhooks.emit(accounts.ofWaba(template.wabaId), `whatsapp.template.${type}`, {
      whatsappTemplate: { ...template, ...more },
    });
  const setStatus = (template: Template, status: string, reason?: string) => {
    Object.assign(template, { status, updateTime: iso(), ...(reason === undefined ? {} : { reason }) });
    return tell(template, 'reviewed', { statusUpdateEvent: status });
  };
  const review = (template: Template) => {
    if (settings.reviewMs === 0) return;
    const timer = setTimeout(() => {
      reviews.delete(timer);
      if (template.status === 'PENDING') void setStatus(template, 'APPROVED');
    }, settings.reviewMs);
    reviews.add(timer);
  };
  const mine = ({ wabaIds }: Account) => world.templates.filter(({ wabaId }) => wabaIds.has(wabaId));
  const find = (account: Account, wabaId: string, name: string, language: string): Template => {
    const template = mine(account).find(
      (each) => each.wabaId === wabaId && each.name === name && each.language === language,
    );
    if (!template) throw notFound();
    return template;
  };

  return {
    find,
    setStatus,
    /** Meta moves a template to another category, or rates it anew. */
    recategorise(template: Template, category: string) {
      Object.assign(template, { previousCategory: template.category, category, updateTime: iso() });
      return tell(template, 'category_updated');
    },
    rate(template: Template, qualityRating: string) {
      Object.assign(template, { qualityRating, updateTime: iso() });
      return tell(template, 'quality_updated');
    },
    list: (account: Account, query: URLSearchParams): object =>
      paged(filtered(mine(account), query, ['wabaId', 'name', 'language', 'status']), query),
    create(account: Account, body: Fields): Template {
      const request = checkedTemplate(body);
      if (!account.wabaIds.has(request.wabaId))
        throw new Refusal(403, 'WHATSAPP_WABA_UNAVAILABLE', 'no such WABA', { target: 'wabaId' });
      const isSame = ({ wabaId, name, language }: Template) =>
        wabaId === request.wabaId && name === request.name && language === request.language;
      if (world.templates.some(isSame)) throw new Refusal(409, 'ALREADY_EXISTS', 'this template exists');
      const officialTemplateId = `93000000${String(++created).padStart(6, '0')}`;
      const times = { createTime: iso(), updateTime: iso() };
      const template: Template = {
        officialTemplateId,
        ...request,
        status: 'PENDING',
        qualityRating: 'UNKNOWN',
        ...times,
      };
      world.templates.push(template);
      review(template);
      return template;
    },
    /** Replaces all components and goes back into review. Throws Refusal `WHATSAPP_TEMPLATE_UNEDITABLE`. */
    edit(template: Template, body: Fields): Template {
      if (!editable.has(template.status))
        throw new Refusal(403, 'WHATSAPP_TEMPLATE_UNEDITABLE', `the template is ${template.status}`);
      Object.assign(template, {
        components: checkedComponents(body['components']),
        status: 'PENDING',
        updateTime: iso(),
      });
      review(template);
      return template;
    },
    /** One language or, without it, all; returns what is gone. Throws Refusal `NOT_FOUND`. */
    remove(account: Account, wabaId: string, name: string, language?: string): Template[] {
      const gone = mine(account).filter(
        (each) => each.wabaId === wabaId && each.name === name && (language ?? each.language) === each.language,
      );
      if (gone.length === 0) throw notFound();
      world.templates = world.templates.filter((each) => !gone.includes(each));
      return gone.map((each) => Object.assign(each, { status: 'DELETED', updateTime: iso() }));
    },
    clear() {
      for (const timer of reviews) clearTimeout(timer);
      reviews.clear();
    },
  };
}
