import { folded } from './consent.ts';

/** Which rule a lead meets, and what its message says. Used by activities; the conditions' shapes are checked where rules are read. */

export const triggers = ['new_lead', 'status_change', 'no_reply', 'keyword', 'reminder'] as const;
export type Trigger = (typeof triggers)[number];

export const reminderDates = ['expected', 'arrived'] as const;
export const reminderSides = ['before', 'after'] as const;
/** So long before or after a date: the one expected of an opportunity, or the lead's arrival. */
export interface Reminder {
  date: (typeof reminderDates)[number];
  side: (typeof reminderSides)[number];
  hours: number;
}

/** Nobody can be reminded before they arrived. */
export const isPossible = ({ date, side }: Pick<Reminder, 'date' | 'side'>): boolean =>
  date !== 'arrived' || side === 'after';

/** What is added to the date, in minutes. */
export const offsetMinutes = ({ side, hours }: Reminder): number =>
  Math.round(hours * 60) * (side === 'before' ? -1 : 1);

export interface RuleConditions {
  formIds?: readonly string[] | undefined;
  campaignIds?: readonly string[] | undefined;
  /** status_change: one of these is enough. */
  toStatuses?: readonly string[] | undefined;
  /** no_reply: so long after our message. */
  afterHours?: number | undefined;
  /** keyword: the whole message, or a word of it. */
  words?: readonly string[] | undefined;
  remind?: Reminder | undefined;
}

/** Where a variable's words come from. */
export type VariableSource = (typeof variableNames)[number] | { text: string };
export const variableNames = ['first_name', 'full_name', 'campaign_name', 'expected_at'] as const;

export interface SendTemplate {
  templateName: string;
  language: string;
  /** In placeholder order: the first fills {{1}}. */
  variables: readonly VariableSource[];
}

/** So long after the step before, or after what started the rule. */
interface Waits {
  waitMinutes: number;
}
export interface MessageStep extends SendTemplate, Waits {}
/** The lead's status becomes this one. */
export interface StatusStep extends Waits {
  setStatus: string;
}
/** Who of the team is told: the lead's seller (everybody, while it has none), or everybody. */
export interface NotifyStep extends Waits {
  notify: (typeof audiences)[number];
}
export const audiences = ['seller', 'team'] as const;
/** One thing that a rule does. */
export type RuleStep = MessageStep | StatusStep | NotifyStep;
export const isMessage = (step: RuleStep): step is MessageStep => 'templateName' in step;

/** So many rules may start one another by the status they set; each only once. */
export const MOST_CHAINED = 3;

/** A rule's action as it is stored: one template, or a sequence of them. */
export type ActionConfig = (SendTemplate & { waitMinutes?: number | undefined }) | { steps: readonly RuleStep[] };

export const MOST_STEPS = 5;

export const stepsOf = (action: ActionConfig): readonly RuleStep[] =>
  'steps' in action ? action.steps : [{ ...action, waitMinutes: action.waitMinutes ?? 0 }];

/** The shape in which steps are stored: the plain one where there is one. */
export function actionOf(steps: readonly RuleStep[]): { type: 'send_template' | 'sequence'; config: ActionConfig } {
  const [first] = steps;
  if (steps.length !== 1 || first === undefined || !isMessage(first)) return { type: 'sequence', config: { steps } };
  const { waitMinutes, ...template } = first;
  return { type: 'send_template', config: waitMinutes === 0 ? template : first };
}

export interface LeadFacts {
  fullName: string | null;
  formId: string | null;
  campaignId: string | null;
  campaignName: string | null;
  /** The date expected of an opportunity of theirs, in words (`dateWords`). */
  expectedAt: string | null;
}

/** No condition matches every lead; each given one must hold. */
export function matches(
  { formIds, campaignIds }: Pick<RuleConditions, 'formIds' | 'campaignIds'>,
  lead: Pick<LeadFacts, 'formId' | 'campaignId'>,
): boolean {
  if (formIds !== undefined && (lead.formId === null || !formIds.includes(lead.formId))) return false;
  return campaignIds === undefined || (lead.campaignId !== null && campaignIds.includes(lead.campaignId));
}

/** The words of each variable; null when the lead lacks one, since WhatsApp refuses empty parameters. */
export function fillVariables(sources: readonly VariableSource[], lead: LeadFacts): string[] | null {
  const words = sources.map((source) => {
    if (typeof source === 'object') return source.text.trim();
    if (source === 'campaign_name') return lead.campaignName?.trim() ?? '';
    if (source === 'expected_at') return lead.expectedAt ?? '';
    const name = lead.fullName?.trim() ?? '';
    return source === 'first_name' ? (name.split(/\s+/)[0] ?? '') : name;
  });
  return words.every((word) => word !== '') ? words : null;
}

/** The template's body with its placeholders filled, as it stands in the conversation. */
export const render = (body: string, words: readonly string[]): string =>
  body.replace(/\{\{(\d+)\}\}/g, (placeholder, n: string) => words[Number(n) - 1] ?? placeholder);

/** Whether a person's message holds one of the words: alone, or as a whole word of it, case and accents folded. */
export function saysOneOf(words: readonly string[], message: string): boolean {
  const said = ` ${folded(message)} `;
  return words.some((word) => folded(word) !== '' && said.includes(` ${folded(word)} `));
}
