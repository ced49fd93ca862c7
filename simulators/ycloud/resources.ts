import { randomBytes } from 'node:crypto';
import { Refusal } from './errors.ts';
import type { Webhooks } from './webhooks.ts';
import type { Endpoint, Template, World } from './world.ts';

/** A list in YCloud's page shape. */
export function paged<T>(items: readonly T[], query: URLSearchParams): object {
  const [page, limit] = [Number(query.get('page') ?? 1), Number(query.get('limit') ?? 10)];
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw new Refusal(400, 'PARAM_INVALID', 'limit is 1 to 100', { target: 'limit' });
  if (!Number.isInteger(page) || page < 1 || page > 100)
    throw new Refusal(400, 'PARAM_INVALID', 'page is 1 to 100', { target: 'page' });
  const offset = (page - 1) * limit;
  const slice = items.slice(offset, offset + limit);
  return {
    offset,
    limit,
    length: slice.length,
    ...(query.get('includeTotal') === 'true' ? { total: items.length } : {}),
    items: slice,
  };
}

const statusEvents: Readonly<Record<string, string>> = {
  APPROVED: 'APPROVED',
  REJECTED: 'REJECTED',
  PAUSED: 'PAUSED',
  DISABLED: 'DISABLED',
};
const EDITABLE: ReadonlySet<string> = new Set(['APPROVED', 'REJECTED', 'PAUSED']);
const REVIEW_MS = 300;

/** Templates and their life: created PENDING, approved a moment later, edited back into review. */
export function createTemplateResource(world: World, webhooks: Webhooks, iso: () => string) {
  const timers = new Set<NodeJS.Timeout>();
  const find = (wabaId: string, name: string, language: string): Template => {
    const template = world.templates.find(
      (each) => each.wabaId === wabaId && each.name === name && each.language === language,
    );
    if (!template) throw new Refusal(404, 'NOT_FOUND', 'no such template');
    return template;
  };
  const setStatus = (template: Template, status: string) => {
    template.status = status;
    template.updateTime = iso();
    webhooks.emit('whatsapp.template.reviewed', {
      whatsappTemplate: { ...template, statusUpdateEvent: statusEvents[status] ?? status },
    });
  };
  const review = (template: Template) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (template.status === 'PENDING') setStatus(template, 'APPROVED');
    }, REVIEW_MS);
    timers.add(timer);
  };
  return {
    find,
    setStatus,
    list(query: URLSearchParams): object {
      const wanted = (name: string, value: string) => query.get(`filter.${name}`)?.split(',').includes(value) ?? true;
      return paged(
        world.templates.filter(
          (each) =>
            wanted('wabaId', each.wabaId) &&
            wanted('name', each.name) &&
            wanted('language', each.language) &&
            wanted('status', each.status),
        ),
        query,
      );
    },
    create(body: Record<string, unknown>): Template {
      for (const name of ['wabaId', 'name', 'language', 'category', 'components'])
        if (body[name] === undefined) throw new Refusal(400, 'PARAM_MISSING', `${name} is required`, { target: name });
      const [wabaId, name, language] = [String(body['wabaId']), String(body['name']), String(body['language'])];
      if (!world.wabas.some((waba) => waba.id === wabaId))
        throw new Refusal(403, 'WHATSAPP_WABA_UNAVAILABLE', 'no such account', { target: 'wabaId' });
      if (!/^[a-z0-9_]{1,512}$/.test(name))
        throw new Refusal(400, 'PARAM_INVALID', 'name is a-z, 0-9 and _', { target: 'name' });
      if (world.templates.some((each) => each.wabaId === wabaId && each.name === name && each.language === language))
        throw new Refusal(409, 'ALREADY_EXISTS', 'this template exists');
      const components = checkedComponents(body['components']);
      const template: Template = {
        officialTemplateId: `93${Date.now()}`,
        wabaId,
        name,
        language,
        category: String(body['category']),
        status: 'PENDING',
        qualityRating: 'UNKNOWN',
        components,
        createTime: iso(),
        updateTime: iso(),
      };
      world.templates.push(template);
      review(template);
      return template;
    },
    edit(template: Template, body: Record<string, unknown>): Template {
      if (!EDITABLE.has(template.status))
        throw new Refusal(403, 'WHATSAPP_TEMPLATE_UNEDITABLE', `the template is ${template.status}`);
      template.components = checkedComponents(body['components']);
      template.status = 'PENDING';
      review(template);
      return template;
    },
    remove(matches: (template: Template) => boolean): Template[] {
      const gone = world.templates.filter(matches);
      if (gone.length === 0) throw new Refusal(404, 'NOT_FOUND', 'no such template');
      world.templates = world.templates.filter((each) => !matches(each));
      return gone.map((each) => ({ ...each, status: 'DELETED' }));
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

function checkedComponents(given: unknown): Record<string, unknown>[] {
  if (!Array.isArray(given) || !given.some((each) => each?.type === 'BODY'))
    throw new Refusal(400, 'PARAM_INVALID', 'a BODY component is required', { target: 'components' });
  const body = String(given.find((each) => each.type === 'BODY').text ?? '');
  if (body.length === 0 || body.length > 1024)
    throw new Refusal(400, 'PARAM_INVALID_LENGTH', 'the body has 1 to 1024 characters', { target: 'components' });
  return given as Record<string, unknown>[];
}

/** Webhook endpoints: at most 20, each with a secret of its own. */
export function createEndpointResource(world: World, iso: () => string) {
  const find = (id: string): Endpoint => {
    const endpoint = world.endpoints.get(id);
    if (!endpoint) throw new Refusal(404, 'NOT_FOUND', 'no such endpoint');
    return endpoint;
  };
  const create = (body: Record<string, unknown>, secret = `whsec_${randomBytes(16).toString('hex')}`): Endpoint => {
    const { url, enabledEvents, description = '', status = 'active' } = body;
    if (typeof url !== 'string' || url.length > 500 || !URL.canParse(url))
      throw new Refusal(400, 'PARAM_INVALID', 'url is not an address', { target: 'url' });
    if (!Array.isArray(enabledEvents) || enabledEvents.length === 0)
      throw new Refusal(400, 'PARAM_MISSING', 'enabledEvents is required', { target: 'enabledEvents' });
    if (world.endpoints.size >= 20) throw new Refusal(403, 'FORBIDDEN', 'at most 20 endpoints');
    const id = `wh${randomBytes(6).toString('hex')}`;
    const endpoint: Endpoint = {
      id,
      url,
      enabledEvents: enabledEvents.map(String),
      description: String(description),
      status: String(status),
      secret,
      createTime: iso(),
      updateTime: iso(),
    };
    world.endpoints.set(id, endpoint);
    return endpoint;
  };
  return {
    create,
    find,
    list: (query: URLSearchParams): object => paged([...world.endpoints.values()], query),
    update(id: string, body: Record<string, unknown>): Endpoint {
      const known = Object.fromEntries(
        Object.entries(body).filter(([name]) => ['url', 'enabledEvents', 'description', 'status'].includes(name)),
      );
      return Object.assign(find(id), known, { updateTime: iso() });
    },
    remove(id: string): Endpoint {
      const endpoint = find(id);
      world.endpoints.delete(id);
      return endpoint;
    },
    rotate: (id: string): Endpoint =>
      Object.assign(find(id), { secret: `whsec_${randomBytes(16).toString('hex')}`, updateTime: iso() }),
  };
}
