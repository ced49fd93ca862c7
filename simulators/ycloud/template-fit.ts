import { Refusal } from './errors.ts';
import type { Template } from './world.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a send names and fills in; checked for shape beforehand. */
export interface FilledTemplate {
  name: string;
  language: { code: string };
  components?: { type: string; sub_type?: string; index?: number | string; parameters?: Fields[] }[];
}

/**
 * Meta's code for a template that cannot be rendered as asked, or null. Throws Refusal `WHATSAPP_TEMPLATE_UNAVAILABLE`
 * for one that YCloud itself knows to be unapproved. There is no fallback to another language.
 */
export function templateProblem(template: Template | undefined, given: FilledTemplate): string | null {
  if (!template) return '132001';
  if (template.status !== 'APPROVED')
    throw new Refusal(403, 'WHATSAPP_TEMPLATE_UNAVAILABLE', `the template is ${template.status}`, {
      target: 'template',
    });
  const parts = partsOf(template);
  const components = given.components ?? [];
  const strange = components.some((component) => !parts.some((part) => part.isMetBy(component)));
  if (strange) return '132000';
  for (const part of parts) {
    const problem = partProblem(part, components.find(part.isMetBy)?.parameters ?? []);
    if (problem !== null) return problem;
  }
  return null;
}

interface Part {
  isMetBy: (component: { type: string; index?: number | string }) => boolean;
  /** What each parameter must be, in placeholder order. */
  wants: string[];
  /** Parameters that may also stay away: a quick reply's payload. */
  isOptional: boolean;
  text: string;
}

/** Every part of a definition that takes parameters. */
function partsOf({ components }: Template): Part[] {
  return components.flatMap((component): Part[] => {
    const type = String(component['type']).toLowerCase();
    if (type === 'buttons') return buttonParts(component['buttons']);
    const format = String(component['format'] ?? 'TEXT').toLowerCase();
    const text = String(component['text'] ?? '');
    const wants = format === 'text' ? placeholders(text).map(() => 'text') : [format];
    return [{ isMetBy: (given) => given.type === type, wants, isOptional: false, text }];
  });
}

function buttonParts(buttons: unknown): Part[] {
  if (!Array.isArray(buttons)) return [];
  return buttons.map((button: Fields, index) => {
    const isQuickReply = button['type'] === 'QUICK_REPLY';
    const wants = isQuickReply
      ? ['payload']
      : button['type'] === 'COPY_CODE'
        ? ['coupon_code']
        : placeholders(String(button['url'] ?? '')).map(() => 'text');
    // The schema says a number, the official samples send text.
    return {
      isMetBy: (given) => given.type === 'button' && Number(given.index) === index,
      wants,
      isOptional: isQuickReply,
      text: '',
    };
  });
}

function partProblem({ wants, isOptional, text }: Part, parameters: readonly Fields[]): string | null {
  if (isOptional && parameters.length === 0) return null;
  if (parameters.length !== wants.length) return wants[0] !== undefined && wants[0] !== 'text' ? '132012' : '132000';
  if (parameters.some(({ type }, at) => type !== wants[at])) return '132012';
  const values = parameters.map((parameter) => String(parameter[String(parameter['type'])] ?? ''));
  if (values.some((value) => value === '')) return '131008';
  const filled = values.reduce((length, value) => length + value.length, text.replace(/\{\{\d+\}\}/g, '').length);
  return wants[0] === 'text' && filled > 1024 ? '132005' : null;
}

/** The distinct placeholders of a text: `{{1}}` twice is one parameter. */
export const placeholders = (text: string): string[] => [...new Set(text.match(/\{\{\d+\}\}/g) ?? [])];
