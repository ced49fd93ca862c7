import { invalid, missing, tooLong } from './errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

const media: ReadonlySet<string> = new Set(['image', 'audio', 'video', 'document', 'sticker']);
const others: ReadonlySet<string> = new Set(['template', 'text', 'location', 'interactive', 'contacts', 'reaction']);
const componentTypes: ReadonlySet<unknown> = new Set([
  'header',
  'body',
  'button',
  'limited_time_offer',
  'carousel',
  'order_status',
]);

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks what YCloud checks before it accepts. Throws Refusal `PARAM_…` with the field as target. */
export function checkSend(body: Fields): { from: string; type: string; to?: string; recipient?: string } {
  const { from, type, to, recipient, externalId } = body;
  if (typeof from !== 'string') throw missing('from');
  if (typeof type !== 'string') throw missing('type');
  if (typeof to !== 'string' && typeof recipient !== 'string') throw missing('to');
  if (to !== undefined && !isPhone(to)) throw invalid('to', 'to is not an E.164 number');
  if (externalId !== undefined && typeof externalId !== 'string') throw invalid('externalId', 'externalId is text');
  if (!media.has(type) && !others.has(type)) throw invalid('type', `no type ${type}`);
  checkContent(type, body[type]);
  if (typeof to === 'string') return { from, type, to }; // with both, `to` wins
  return { from, type, recipient: String(recipient) };
}

/** E.164 with its plus. */
export const isPhone = (value: unknown): value is string =>
  typeof value === 'string' && /^\+[1-9]\d{6,14}$/.test(value);

function checkContent(type: string, content: unknown): void {
  if (type === 'contacts' && Array.isArray(content)) return;
  if (!isFields(content)) throw missing(type);
  if (type === 'text') checkText(content['body']);
  if (type === 'template') checkTemplate(content);
  if (media.has(type) && (content['id'] === undefined) === (content['link'] === undefined))
    throw invalid(type, 'exactly one of id and link');
}

function checkText(text: unknown): void {
  if (typeof text !== 'string' || text === '') throw missing('text.body');
  if (text.length > 4096) throw tooLong('text.body', 'at most 4096 characters');
}

function checkTemplate({ name, language, components = [] }: Fields): void {
  if (typeof name !== 'string' || name === '') throw missing('template.name');
  if (!isFields(language) || typeof language['code'] !== 'string') throw missing('template.language.code');
  const policy = language['policy'] ?? 'deterministic';
  if (policy !== 'deterministic') throw invalid('template.language.policy', 'only deterministic');
  if (!Array.isArray(components)) throw invalid('template.components', 'components is a list');
  for (const component of components) checkComponent(component);
}

function checkComponent(component: unknown): void {
  // Lower case when sending, upper case in a definition: mixing them up is refused.
  if (!isFields(component) || !componentTypes.has(component['type']))
    throw invalid('template.components.type', 'no such component type');
  const { parameters = [], index } = component;
  if (!Array.isArray(parameters) || !parameters.every(isFields))
    throw invalid('template.components.parameters', 'parameters is a list of objects');
  if (component['type'] === 'button' && !/^\d$/.test(String(index)))
    throw invalid('template.components.index', 'index is 0 to 9');
}
