/** What a WhatsApp template is made of, and whether a message can be made of it. Components come as Meta writes them. */

export interface TemplateButton {
  type: string;
  text: string;
}

export interface TemplateParts {
  /** A text header's words, or the kind of its file. */
  header: { format: string; text: string } | null;
  body: string;
  footer: string;
  buttons: readonly TemplateButton[];
}

type Component = Readonly<Record<string, unknown>>;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The parts a phone shows, whatever else the definition holds. */
export function partsOf(components: readonly Component[]): TemplateParts {
  const find = (type: string) => components.find((each) => text(each['type']).toUpperCase() === type);
  const [header, buttons] = [find('HEADER'), find('BUTTONS')?.['buttons']];
  return {
    header: header ? { format: text(header['format']).toUpperCase() || 'TEXT', text: text(header['text']) } : null,
    body: text(find('BODY')?.['text']),
    footer: text(find('FOOTER')?.['text']),
    buttons: Array.isArray(buttons)
      ? buttons.map((button: Component) => ({ type: text(button['type']).toUpperCase(), text: text(button['text']) }))
      : [],
  };
}

/** How many distinct placeholders a text has. */
export const placeholdersIn = (words: string): number =>
  new Set([...words.matchAll(/\{\{(\d+)\}\}/g)].map(([, n]) => n)).size;

/** Whether it asks for more than words in its body: a file or a variable in its header, in a button's address, a carousel. */
export function asksForMore(components: readonly Component[]): boolean {
  const { header } = partsOf(components);
  if (header !== null && (header.format !== 'TEXT' || placeholdersIn(header.text) > 0)) return true;
  const types = components.map((each) => text(each['type']).toUpperCase());
  if (types.some((type) => !['HEADER', 'BODY', 'FOOTER', 'BUTTONS'].includes(type))) return true;
  return JSON.stringify(components.filter((each) => Array.isArray(each['buttons']))).includes('{{');
}

export interface KnownTemplate {
  status: string | null;
  category: string;
  components: readonly Component[];
}

export type TemplateProblem =
  | 'template_missing'
  | 'template_not_approved'
  | 'template_unsupported'
  | 'template_changed';

/** Why no message can be made of the template with so many variables; null when one can. */
export function templateProblem(template: KnownTemplate | null, variables: number): TemplateProblem | null {
  if (template === null) return 'template_missing';
  if (template.status !== 'APPROVED') return 'template_not_approved';
  if (asksForMore(template.components)) return 'template_unsupported';
  return placeholdersIn(partsOf(template.components).body) === variables ? null : 'template_changed';
}

/** Whether its messages need the person's consent: what advertises does, what tells of an order or a date does not. */
export const asksConsent = (template: Pick<KnownTemplate, 'category'> | null): boolean =>
  template?.category === 'MARKETING';

/** What a newer copy of a template means for the rules that send it; null when they may go on. */
export function stopReason(before: KnownTemplate, after: KnownTemplate): string | null {
  if (before.status === 'APPROVED' && after.status !== 'APPROVED')
    return ['PAUSED', 'REJECTED', 'DISABLED'].includes(after.status ?? '')
      ? `template_${(after.status ?? '').toLowerCase()}`
      : 'template_not_approved';
  if (before.category !== after.category) return 'template_recategorised';
  const [was, is] = [before, after].map(({ components }) => placeholdersIn(partsOf(components).body));
  return was !== is || asksForMore(before.components) !== asksForMore(after.components)
    ? 'template_variables_changed'
    : null;
}
