import { invalid, metaRefusal, missing, type Refusal, tooLong } from './errors.ts';
import { type Fields, isFields } from './message-content.ts';
import { placeholders } from './template-fit.ts';

const categories: ReadonlySet<unknown> = new Set(['AUTHENTICATION', 'MARKETING', 'UTILITY']);
const componentTypes: ReadonlySet<unknown> = new Set([
  'HEADER',
  'BODY',
  'FOOTER',
  'BUTTONS',
  'CAROUSEL',
  'LIMITED_TIME_OFFER',
  'CALL_PERMISSION_REQUEST',
]);
const headerFormats: ReadonlySet<unknown> = new Set(['TEXT', 'IMAGE', 'GIF', 'VIDEO', 'DOCUMENT', 'LOCATION']);

export interface TemplateRequest {
  wabaId: string;
  name: string;
  language: string;
  category: string;
  components: Record<string, unknown>[];
}

/** A new template's fields. Throws Refusal `PARAM_…`, or Meta's own where only Meta looks. */
export function checkedTemplate(body: Fields): TemplateRequest {
  for (const name of ['wabaId', 'name', 'language', 'category', 'components'])
    if (body[name] === undefined) throw missing(name);
  const { wabaId, name, language, category } = body;
  if (typeof name !== 'string' || !/^[a-z0-9_]{1,512}$/.test(name)) throw invalid('name', 'name is a-z, 0-9 and _');
  if (typeof language !== 'string' || !/^[a-z]{2,3}(_[A-Z]{2,4})?$/.test(language))
    throw invalid('language', 'language is a code such as es or es_AR');
  if (!categories.has(category)) throw invalid('category', `category is one of ${[...categories].join(', ')}`);
  return {
    wabaId: String(wabaId),
    name,
    language,
    category: String(category),
    components: checkedComponents(body['components']),
  };
}

/** Throws Refusal like `checkedTemplate`. */
export function checkedComponents(given: unknown): Record<string, unknown>[] {
  if (given === undefined) throw missing('components');
  if (!Array.isArray(given) || !given.every(isFields)) throw invalid('components', 'components is a list of objects');
  const strange = given.find(({ type }) => !componentTypes.has(type));
  if (strange) throw invalid('components', `no component type ${String(strange['type'])}`);
  if (!given.some(({ type }) => type === 'BODY')) throw missing('components.BODY');
  for (const component of given) checks[String(component['type'])]?.(component);
  return given;
}

const checks: Readonly<Record<string, (component: Fields) => void>> = {
  BODY({ text, example }) {
    if (typeof text !== 'string' || text === '') throw missing('components.BODY.text');
    if (text.length > 1024) throw tooLong('components.BODY.text', 'at most 1024 characters');
    const samples = isFields(example) && Array.isArray(example['body_text']) ? example['body_text'][0] : [];
    checkPlaceholders(text, Array.isArray(samples) ? samples.length : 0);
  },
  HEADER({ format = 'TEXT', text }) {
    if (!headerFormats.has(format)) throw invalid('components.HEADER.format', 'no such format');
    if (format === 'TEXT' && String(text ?? '').length > 60)
      throw tooLong('components.HEADER.text', 'at most 60 characters');
  },
  FOOTER({ text }) {
    if (String(text ?? '').length > 60) throw tooLong('components.FOOTER.text', 'at most 60 characters');
  },
  BUTTONS({ buttons }) {
    if (!Array.isArray(buttons) || buttons.length === 0) throw missing('components.BUTTONS.buttons');
    if (buttons.length > 10) throw invalid('components.BUTTONS.buttons', 'at most 10 buttons');
    const isVariableInside = ({ url }: Fields) => /\{\{1\}\}./.test(String(url ?? ''));
    if (buttons.some(isVariableInside)) throw metaSays('The variable of a button must stand at the end of its address');
  },
};

function checkPlaceholders(text: string, samples: number): void {
  const found = placeholders(text).toSorted();
  if (found.some((_, at) => !found.includes(`{{${at + 1}}}`)))
    throw metaSays('Variables must be numbered from 1 without gaps');
  if (/^\s*\{\{\d+\}\}|\{\{\d+\}\}\s*$/.test(text))
    throw metaSays("Variables can't be at the start or end of the template");
  if (samples !== found.length) throw metaSays('Every variable needs a sample');
}

const metaSays = (why: string): Refusal => metaRefusal('100', why, true);
