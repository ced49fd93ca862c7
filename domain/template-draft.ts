/** A new template as a person writes it: WhatsApp's rules checked here, so that a review is not spent on what is known to fail. */

export const draftCategories = ['MARKETING', 'UTILITY'] as const;
export type DraftCategory = (typeof draftCategories)[number];

export interface TemplateDraft {
  name: string;
  language: string;
  category: DraftCategory;
  header: string;
  body: string;
  /** Samples in placeholder order: Meta's reviewers read them. */
  samples: readonly string[];
  footer: string;
  quickReplies: readonly string[];
  link: { text: string; url: string } | null;
  phone: { text: string; number: string } | null;
}

export const LIMITS = {
  name: 512,
  header: 60,
  body: 1024,
  footer: 60,
  button: 25,
  url: 2000,
  quickReplies: 3,
} as const;

/** What is wrong, by field: keys under `templates:error`. */
export function draftErrors(draft: TemplateDraft): Record<string, string> {
  return {
    ...nameErrors(draft),
    ...bodyErrors(draft),
    ...lineErrors('header', draft.header, LIMITS.header),
    ...lineErrors('footer', draft.footer, LIMITS.footer),
    ...buttonErrors(draft),
  };
}

function nameErrors({ name, language, category }: TemplateDraft): Record<string, string> {
  return {
    ...(/^[a-z0-9_]{1,512}$/.test(name) ? {} : { name: 'name' }),
    ...(/^[a-z]{2,3}(_[A-Z]{2})?$/.test(language) ? {} : { language: 'language' }),
    ...(draftCategories.includes(category) ? {} : { category: 'category' }),
  };
}

/** The numbers of a text's variables, in the order they stand. */
export const variablesIn = (text: string): number[] => [...text.matchAll(/\{\{(\d+)\}\}/g)].map(([, n]) => Number(n));

/** How many samples a body asks for: its highest number, since none may be left out. */
export const samplesWanted = (body: string): number => Math.min(Math.max(0, ...variablesIn(body)), 20);

function bodyErrors({ body, samples }: TemplateDraft): Record<string, string> {
  const problem = bodyProblem(body);
  if (problem !== null) return { body: problem };
  const missing = Array.from({ length: samplesWanted(body) }, (_, i) => i).filter(
    (i) => (samples[i] ?? '').trim() === '',
  );
  return Object.fromEntries(missing.map((i) => [`sample${i + 1}`, 'sample']));
}

function bodyProblem(body: string): string | null {
  if (body.trim() === '') return 'bodyEmpty';
  if (body.length > LIMITS.body) return 'bodyLong';
  if (/\{\{|\}\}/.test(body.replace(/\{\{\d+\}\}/g, ''))) return 'braces';
  const found = new Set(variablesIn(body));
  if ([...found].some((n) => n < 1 || n > found.size)) return 'gaps';
  if (/^\s*\{\{\d+\}\}/.test(body) || /\{\{\d+\}\}[\s.,;:!?]*$/.test(body)) return 'edges';
  return /\{\{\d+\}\}\s*\{\{\d+\}\}/.test(body) ? 'adjacent' : null;
}

function lineErrors(field: 'header' | 'footer', text: string, most: number): Record<string, string> {
  if (text.length > most) return { [field]: `${field}Long` };
  if (/[\n\r]/.test(text)) return { [field]: 'oneLine' };
  return /\{\{|\}\}/.test(text) ? { [field]: 'noVariables' } : {};
}

function buttonErrors({ quickReplies, link, phone }: TemplateDraft): Record<string, string> {
  const texts = [...quickReplies, link?.text ?? '', phone?.text ?? '']
    .map((text) => text.trim().toLowerCase())
    .filter(Boolean);
  const errors: Record<string, string> = {};
  for (const [i, text] of quickReplies.entries())
    if (text !== '') Object.assign(errors, buttonText(`quick${i + 1}`, text));
  if (link !== null) {
    Object.assign(errors, buttonText('linkText', link.text));
    if (!isPlainAddress(link.url)) errors['linkUrl'] = 'url';
  }
  if (phone !== null) {
    Object.assign(errors, buttonText('phoneText', phone.text));
    if (!/^\+[1-9]\d{6,14}$/.test(phone.number.replace(/[\s()-]/g, ''))) errors['phoneNumber'] = 'phone';
  }
  if (new Set(texts).size < texts.length && Object.keys(errors).length === 0) errors['quick1'] = 'sameButtons';
  return errors;
}

function buttonText(field: string, text: string): Record<string, string> {
  if (text.trim() === '') return { [field]: 'buttonEmpty' };
  if (text.length > LIMITS.button) return { [field]: 'buttonLong' };
  return /[{}\n]/.test(text) ? { [field]: 'noVariables' } : {};
}

/** An https address without a variable: our rules fill in the body's variables only. */
const isPlainAddress = (url: string): boolean =>
  url.length <= LIMITS.url && /^https:\/\/[^\s{}]+\.[^\s{}]+$/.test(url) && URL.canParse(url);

/** The definition as Meta takes it. */
export function componentsOf(draft: TemplateDraft): Record<string, unknown>[] {
  const samples = draft.samples.slice(0, samplesWanted(draft.body)).map((sample) => sample.trim());
  const buttons = [
    ...draft.quickReplies.filter((text) => text !== '').map((text) => ({ type: 'QUICK_REPLY', text })),
    ...(draft.link === null ? [] : [{ type: 'URL', text: draft.link.text, url: draft.link.url }]),
    ...(draft.phone === null
      ? []
      : [{ type: 'PHONE_NUMBER', text: draft.phone.text, phone_number: draft.phone.number.replace(/[\s()-]/g, '') }]),
  ];
  return [
    ...(draft.header === '' ? [] : [{ type: 'HEADER', format: 'TEXT', text: draft.header }]),
    { type: 'BODY', text: draft.body, ...(samples.length === 0 ? {} : { example: { body_text: [samples] } }) },
    ...(draft.footer === '' ? [] : [{ type: 'FOOTER', text: draft.footer }]),
    ...(buttons.length === 0 ? [] : [{ type: 'BUTTONS', buttons }]),
  ];
}
